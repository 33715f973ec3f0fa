import { expect, test } from 'vitest';
import { FACE_SIZE, faceTensor, findFaces } from './index.ts';

/** Outputs of the network without a face: all scores are very low. */
function nothing() {
  return {
    scores: [new Float32Array(512).fill(-20), new Float32Array(384).fill(-20)] as [
      Float32Array,
      Float32Array,
    ],
    boxes: [new Float32Array(512 * 16), new Float32Array(384 * 16)] as [Float32Array, Float32Array],
  };
}

/** Sets one anchor. Offsets and size in pixels. */
function place(
  { scores, boxes }: ReturnType<typeof nothing>,
  grid: 0 | 1,
  anchor: number,
  logit: number,
  box: readonly [number, number, number, number],
) {
  scores[grid][anchor] = logit;
  boxes[grid].set(box, anchor * 16);
}

test('puts red, green and blue side by side, from −1 to 1', () => {
  const rgba = new Uint8ClampedArray(4 * FACE_SIZE * FACE_SIZE);
  rgba.set([255, 51, 0, 255, 255, 255, 255, 0]);
  const tensor = faceTensor(rgba);
  expect([...tensor.subarray(0, 6)]).toEqual([1, Math.fround(-0.6), -1, -1, -1, -1]);
  expect(() => faceTensor(rgba.subarray(4))).toThrow(RangeError);
});

test('finds no face where every score is low (negative control)', () => {
  const { scores, boxes } = nothing();
  expect(findFaces(scores, boxes)).toEqual([]);
  scores[0][7] = Math.log(0.74 / 0.26);
  expect(findFaces(scores, boxes)).toEqual([]);
});

test('places a box relative to the center of its cell', () => {
  const output = nothing();
  // Grid of 16 × 16 cells with 2 anchors: anchor 2 × (16 × 4 + 8) is in column 8 of row 4.
  place(output, 0, 2 * (16 * 4 + 8), 3, [4, -8, 32, 64]);
  const [face, ...more] = findFaces(output.scores, output.boxes);
  expect(more).toEqual([]);
  expect(face!.score).toBeCloseTo(1 / (1 + Math.exp(-3)));
  expect(face!.x + face!.width / 2).toBeCloseTo(8.5 / 16 + 4 / 128);
  expect(face!.y + face!.height / 2).toBeCloseTo(4.5 / 16 - 8 / 128);
  expect([face!.width, face!.height]).toEqual([0.25, 0.5]);
});

test('averages boxes of one face, and keeps two faces apart', () => {
  const output = nothing();
  // The same place from both grids: cell (4, 4) of 8 × 8, and cell (8, 8) of 16 × 16, 8 pixels to the left.
  place(output, 1, 6 * (8 * 4 + 4), 4, [0, 0, 40, 40]);
  place(output, 0, 2 * (16 * 8 + 8), 4, [4, 4, 44, 44]);
  place(output, 1, 6 * (8 * 1 + 1), 2, [0, 0, 20, 20]);
  const faces = findFaces(output.scores, output.boxes);
  expect(faces).toHaveLength(2);
  expect(faces[0]!.width).toBeCloseTo(42 / 128);
  expect(faces[0]!.score).toBeGreaterThan(faces[1]!.score);
  expect(faces[1]!.x + faces[1]!.width / 2).toBeCloseTo(1.5 / 8);
});

test('refuses outputs of another network', () => {
  const { scores, boxes } = nothing();
  expect(() => findFaces([scores[1], scores[0]], boxes)).toThrow(RangeError);
});
