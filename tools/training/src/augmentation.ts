import type { Random } from '@sparewheel/zoo/random';

/** Limits of the random distortion. Lengths in pixels, angles in radians; all ranges are symmetric. */
export interface Distortion {
  readonly shift: number;
  readonly rotation: number;
  readonly shear: number;
  /** Scales each axis by e^u with |u| ≤ this value. */
  readonly logScale: number;
  /** Standard deviation of the smooth random displacement. */
  readonly elastic: number;
}

/** Control points of the elastic displacement along each axis. */
const GRID = 5;

/**
 * Writes a randomly distorted copy of a square image: shifted, rotated, sheared, scaled, and displaced by a
 * random field that is bilinear between 5 × 5 control points. Pixels outside the source count as 0.
 * @param target  receives [size, size] at `targetOffset`
 * @param source  [size, size] at `sourceOffset`; not mutated
 */
export function distort(
  target: Float64Array,
  targetOffset: number,
  source: Float64Array,
  sourceOffset: number,
  size: number,
  by: Distortion,
  random: Random,
): void {
  const angle = random.between(-by.rotation, by.rotation);
  const shear = random.between(-by.shear, by.shear);
  const scaleX = Math.exp(random.between(-by.logScale, by.logScale));
  const scaleY = Math.exp(random.between(-by.logScale, by.logScale));
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const xx = cos / scaleX;
  const xy = (shear * cos - sin) / scaleX;
  const yx = sin / scaleY;
  const yy = (shear * sin + cos) / scaleY;
  const center = (size - 1) / 2;
  const shiftX = center + random.between(-by.shift, by.shift);
  const shiftY = center + random.between(-by.shift, by.shift);
  const fieldX = new Float64Array(GRID * GRID);
  const fieldY = new Float64Array(GRID * GRID);
  for (let i = 0; i < GRID * GRID; i++) {
    fieldX[i] = by.elastic * random.normal();
    fieldY[i] = by.elastic * random.normal();
  }
  const step = (GRID - 1) / (size - 1);

  const at = (x: number, y: number): number =>
    x >= 0 && y >= 0 && x < size && y < size ? source[sourceOffset + y * size + x]! : 0;

  for (let y = 0; y < size; y++) {
    const gridY = Math.min(GRID - 2, Math.floor(y * step));
    const partY = y * step - gridY;
    for (let x = 0; x < size; x++) {
      const gridX = Math.min(GRID - 2, Math.floor(x * step));
      const partX = x * step - gridX;
      const corner = gridY * GRID + gridX;
      const w00 = (1 - partX) * (1 - partY);
      const w01 = partX * (1 - partY);
      const w10 = (1 - partX) * partY;
      const w11 = partX * partY;
      const bendX =
        w00 * fieldX[corner]! +
        w01 * fieldX[corner + 1]! +
        w10 * fieldX[corner + GRID]! +
        w11 * fieldX[corner + GRID + 1]!;
      const bendY =
        w00 * fieldY[corner]! +
        w01 * fieldY[corner + 1]! +
        w10 * fieldY[corner + GRID]! +
        w11 * fieldY[corner + GRID + 1]!;
      const dx = x - center;
      const dy = y - center;
      const fromX = xx * dx + xy * dy + shiftX + bendX;
      const fromY = yx * dx + yy * dy + shiftY + bendY;
      const left = Math.floor(fromX);
      const top = Math.floor(fromY);
      const u = fromX - left;
      const v = fromY - top;
      target[targetOffset + y * size + x] =
        (1 - v) * ((1 - u) * at(left, top) + u * at(left + 1, top)) +
        v * ((1 - u) * at(left, top + 1) + u * at(left + 1, top + 1));
    }
  }
}
