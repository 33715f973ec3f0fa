/** A point of a pen stroke; x to the right, y down. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A polyline from pen down to pen up. A single point is a dot. */
export type Stroke = readonly Point[];

/** A grayscale image: 0 = paper, 255 = full ink; row-major. */
export interface GrayImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8ClampedArray;
}

/**
 * Draws strokes with a round pen, anti-aliased: at the edge, ink falls from full to none over one pixel.
 * @param thickness  line width in pixels, or a function from the position along a stroke in [0, 1] to the
 *   width there
 */
export function drawStrokes(
  strokes: readonly Stroke[],
  thickness: number | ((along: number) => number),
  width: number,
  height: number,
): GrayImage {
  const ink = new Float64Array(width * height);
  const radiusAt = (along: number): number =>
    (typeof thickness === 'number' ? thickness : thickness(along)) / 2;
  for (const stroke of strokes) {
    const last = Math.max(1, stroke.length - 1);
    for (let i = 0; i < last; i++) {
      const from = stroke[i]!;
      const to = stroke[i + 1] ?? from;
      drawSegment(ink, width, height, from, to, radiusAt(i / last), radiusAt((i + 1) / last));
    }
  }
  const pixels = new Uint8ClampedArray(ink.length);
  for (let at = 0; at < ink.length; at++) pixels[at] = 255 * ink[at]!;
  return { width, height, pixels };
}

function drawSegment(
  ink: Float64Array,
  width: number,
  height: number,
  from: Point,
  to: Point,
  fromRadius: number,
  toRadius: number,
): void {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const lengthSquared = dx * dx + dy * dy;
  const reach = Math.max(fromRadius, toRadius) + 1;
  const left = Math.max(0, Math.floor(Math.min(from.x, to.x) - reach));
  const right = Math.min(width - 1, Math.ceil(Math.max(from.x, to.x) + reach));
  const top = Math.max(0, Math.floor(Math.min(from.y, to.y) - reach));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(from.y, to.y) + reach));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      // Distance from the pixel's center to the nearest point of the segment.
      const px = x + 0.5 - from.x;
      const py = y + 0.5 - from.y;
      const along = lengthSquared === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / lengthSquared));
      const distance = Math.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2);
      const radius = fromRadius + along * (toRadius - fromRadius);
      const covered = Math.min(1, Math.max(0, radius + 0.5 - distance));
      const at = y * width + x;
      if (covered > ink[at]!) ink[at] = covered;
    }
  }
}
