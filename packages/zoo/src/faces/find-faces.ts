import { FACE_SIZE } from './face-tensor.ts';

/** A face in a picture. Lengths are relative to the picture's side, from its upper left corner. */
export interface Face {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Probability, 0 to 1. */
  readonly score: number;
}

/** One grid of anchors: each cell has `anchors` boxes around its center. [Bazarevsky et al. 2019] */
interface AnchorGrid {
  readonly cells: number;
  readonly anchors: number;
}

/** The two grids of the network: cells of 8 and of 16 pixels. */
const GRIDS: readonly AnchorGrid[] = [
  { cells: 16, anchors: 2 },
  { cells: 8, anchors: 6 },
];

/** Values for each anchor: center, size, and six points of the face. */
const VALUES_PER_BOX = 16;
/** Faces below this probability are not reported. [BlazeFaceBarracuda, FaceDetector] */
const LEAST_SCORE = 0.75;
/** Boxes that overlap more than this are the same face. [MediaPipe, non-maximum suppression] */
const SAME_FACE_OVERLAP = 0.3;

/**
 * Returns the faces, the most probable one first. Boxes of the same face are averaged with their scores as weights.
 * @param scores  logits of both grids: [512] and [384]
 * @param boxes   center offset and size in pixels, then face points, of both grids: [512, 16] and [384, 16]
 * @throws {RangeError} the lengths do not belong to the network
 */
export function findFaces(
  scores: readonly [ArrayLike<number>, ArrayLike<number>],
  boxes: readonly [ArrayLike<number>, ArrayLike<number>],
): Face[] {
  const candidates = GRIDS.flatMap((grid, index) => boxesOf(grid, scores[index]!, boxes[index]!));
  candidates.sort((a, b) => b.score - a.score);
  const faces: Face[] = [];
  while (candidates.length > 0) {
    const best = candidates[0]!;
    const same = candidates.filter((candidate) => overlap(best, candidate) >= SAME_FACE_OVERLAP);
    faces.push(averageOf(same.length === 0 ? [best] : same, best.score));
    const rest = candidates.filter((candidate) => candidate !== best && !same.includes(candidate));
    candidates.splice(0, candidates.length, ...rest);
  }
  return faces;
}

function boxesOf(
  { cells, anchors }: AnchorGrid,
  scores: ArrayLike<number>,
  boxes: ArrayLike<number>,
): Face[] {
  const count = cells * cells * anchors;
  if (scores.length !== count || boxes.length !== count * VALUES_PER_BOX) {
    throw new RangeError(
      `a grid of ${count} anchors came with ${scores.length} scores and ${boxes.length} values`,
    );
  }
  const found: Face[] = [];
  for (let anchor = 0; anchor < count; anchor++) {
    const score = 1 / (1 + Math.exp(-scores[anchor]!));
    if (!(score >= LEAST_SCORE)) continue;
    const cell = Math.floor(anchor / anchors);
    const [dx, dy, width, height] = [0, 1, 2, 3].map(
      (value) => boxes[anchor * VALUES_PER_BOX + value]! / FACE_SIZE,
    );
    const x = ((cell % cells) + 0.5) / cells + dx!;
    const y = (Math.floor(cell / cells) + 0.5) / cells + dy!;
    found.push({ x: x - width! / 2, y: y - height! / 2, width: width!, height: height!, score });
  }
  return found;
}

/** Returns the area that both boxes cover ÷ the area that at least one covers. */
function overlap(a: Face, b: Face): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (a.width * a.height + b.width * b.height - both);
}

function averageOf(boxes: readonly Face[], score: number): Face {
  const total = boxes.reduce((sum, box) => sum + box.score, 0);
  const mean = (value: (box: Face) => number) =>
    boxes.reduce((sum, box) => sum + value(box) * box.score, 0) / total;
  return {
    x: mean(({ x }) => x),
    y: mean(({ y }) => y),
    width: mean(({ width }) => width),
    height: mean(({ height }) => height),
    score,
  };
}
