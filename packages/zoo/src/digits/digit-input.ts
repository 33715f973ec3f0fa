import { type Bounds, type InkPlane, inkBounds, resample, strokeWidth, thicken } from './ink-plane.ts';
import { drawStrokes, type Stroke } from './stroke.ts';

/** Side of an MNIST image in pixels. The ink fills a box of 20 × 20, centered by mass on pixel 14. */
export const DIGIT_SIZE = 28;
const BOX = 20;
const CENTER = 14.5;
/** Work pixels per output pixel on each axis, so that line widths can change by fractions of a pixel. */
const FINE = 4;
/** Range of stroke widths, in output pixels. MNIST's 10th and 90th percentiles are 1.7 and 3.0. */
const THINNEST = 1.7;
const THICKEST = 3.2;
/** Ink at or below this share counts as paper. Compression noise in pictures stays below it. */
const FAINTEST = 0.1;

/**
 * Prepares a drawing for a network that was trained on MNIST: crops it to its ink, scales it into a box of
 * 20 × 20 with unchanged proportions, adjusts the stroke width to MNIST's range, and centers it by mass.
 * @param gray  [height, width], one byte per pixel: 0 = paper, 255 = ink; not mutated
 * @returns float32 [28, 28] in [0, 1]; all zeros for an empty drawing
 * @throws {RangeError} the length of `gray` is not width × height
 */
export function digitFromPixels(
  gray: Uint8ClampedArray | Uint8Array,
  width: number,
  height: number,
): Float32Array {
  if (!(Number.isInteger(width) && Number.isInteger(height)) || gray.length !== width * height) {
    throw new RangeError(`${gray.length} pixels do not form an image of ${width} × ${height}`);
  }
  const input = new Float32Array(DIGIT_SIZE * DIGIT_SIZE);
  const drawing = inkPlane(gray, width, height);
  const bounds = inkBounds(drawing, FAINTEST);
  if (bounds === null) return input;

  const { scale, radius } = fit(crop(drawing, bounds));
  // Leaves room for the ink that thickening adds at the edges.
  const margin = Math.ceil(Math.max(0, radius)) + 1;
  const fine = thicken(sharpen(resample(drawing, bounds, scale, margin)), radius);
  return centerByMass(fine, input);
}

/**
 * Draws strokes with a pen of medium width and prepares the drawing as `digitFromPixels` does.
 * @param strokes  in any coordinates, such as pointer positions on a canvas
 * @returns float32 [28, 28] in [0, 1]; all zeros if there are no points
 * @throws {RangeError} a coordinate is not a finite number
 */
export function digitFromStrokes(strokes: readonly Stroke[]): Float32Array {
  const points = strokes.flat();
  if (points.length === 0) return new Float32Array(DIGIT_SIZE * DIGIT_SIZE);
  if (!points.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))) {
    throw new RangeError('a stroke has a point without finite x and y');
  }
  let left = Number.POSITIVE_INFINITY;
  let top = Number.POSITIVE_INFINITY;
  let right = Number.NEGATIVE_INFINITY;
  let bottom = Number.NEGATIVE_INFINITY;
  for (const { x, y } of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  const pen = 2.3 * FINE;
  const span = Math.max(right - left, bottom - top);
  const scale = span === 0 ? 1 : (BOX * FINE - pen) / span;
  const side = BOX * FINE + 2;
  const moved = strokes.map((stroke) =>
    stroke.map(({ x, y }) => ({ x: (x - left) * scale + pen / 2 + 1, y: (y - top) * scale + pen / 2 + 1 })),
  );
  const image = drawStrokes(moved, pen, side, side);
  return digitFromPixels(image.pixels, side, side);
}

function inkPlane(gray: Uint8ClampedArray | Uint8Array, width: number, height: number): InkPlane {
  const ink = new Float64Array(gray.length);
  for (let at = 0; at < ink.length; at++) ink[at] = gray[at]! / 255;
  return { width, height, ink };
}

/** Returns the scale to the fine raster, and how far to move the strokes' edges outwards, in fine pixels. */
function fit(ink: InkPlane): { scale: number; radius: number } {
  const span = Math.max(ink.width, ink.height);
  const width = Math.min(strokeWidth(ink), span);
  const plain = BOX / span;
  const wanted = Math.min(THICKEST, Math.max(THINNEST, width * plain));
  // For a dot, the stroke width is the size of the drawing, so it cannot be adjusted.
  if (wanted === width * plain || span < 2 * width) return { scale: plain * FINE, radius: 0 };
  // Moving the edges by r changes the span too: (span + 2r)·s = box and (width + 2r)·s = wanted.
  const scale = (BOX - wanted) / (span - width);
  const radius = (wanted / scale - width) / 2;
  return { scale: scale * FINE, radius: radius * scale * FINE };
}

function crop(plane: InkPlane, { left, top, right, bottom }: Bounds): InkPlane {
  const width = right - left + 1;
  const height = bottom - top + 1;
  const ink = new Float64Array(width * height);
  for (let y = 0; y < height; y++) {
    const start = (top + y) * plane.width + left;
    ink.set(plane.ink.subarray(start, start + width), y * width);
  }
  return { width, height, ink };
}

/** Restores full ink inside lines that scaling made pale. Edges stay smooth on the fine raster. */
function sharpen(plane: InkPlane): InkPlane {
  let darkest = 0;
  for (const value of plane.ink) darkest = Math.max(darkest, value);
  const low = 0.25 * darkest;
  const high = 0.6 * darkest;
  return { ...plane, ink: plane.ink.map((value) => Math.min(1, Math.max(0, (value - low) / (high - low)))) };
}

/** Moves the center of mass to MNIST's, without moving ink off the image, and averages down to 28 × 28. */
function centerByMass(fine: InkPlane, target: Float32Array): Float32Array {
  let mass = 0;
  let massX = 0;
  let massY = 0;
  for (let y = 0; y < fine.height; y++) {
    for (let x = 0; x < fine.width; x++) {
      const value = fine.ink[y * fine.width + x]!;
      mass += value;
      massX += value * (x + 0.5);
      massY += value * (y + 0.5);
    }
  }
  const bounds = inkBounds(fine, FAINTEST);
  if (mass === 0 || bounds === null) return target;
  const edge = DIGIT_SIZE * FINE;
  const shift = (center: number, first: number, last: number): number =>
    Math.max(-first, Math.min(edge - 1 - last, Math.round(CENTER * FINE - center)));
  const shiftX = shift(massX / mass, bounds.left, bounds.right);
  const shiftY = shift(massY / mass, bounds.top, bounds.bottom);
  for (let y = bounds.top; y <= bounds.bottom; y++) {
    for (let x = bounds.left; x <= bounds.right; x++) {
      const at = Math.floor((y + shiftY) / FINE) * DIGIT_SIZE + Math.floor((x + shiftX) / FINE);
      target[at] = target[at]! + fine.ink[y * fine.width + x]! / (FINE * FINE);
    }
  }
  return target;
}
