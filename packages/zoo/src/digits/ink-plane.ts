/** An image of ink values in [0, 1], row-major. The steps of the digit preparation take and return it. */
export interface InkPlane {
  readonly width: number;
  readonly height: number;
  readonly ink: Float64Array;
}

/** Inclusive bounds in pixels. */
export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Returns the bounding box of all pixels above the threshold, or null if there are none. */
export function inkBounds(plane: InkPlane, threshold: number): Bounds | null {
  let left = plane.width;
  let top = plane.height;
  let right = -1;
  let bottom = -1;
  for (let y = 0; y < plane.height; y++) {
    for (let x = 0; x < plane.width; x++) {
      if (plane.ink[y * plane.width + x]! <= threshold) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return right < 0 ? null : { left, top, right, bottom };
}

/**
 * Returns the mean width of the lines, in pixels. A line of width w and length l has the area w·l and an
 * outline of 2·l; the sum of the gradient's magnitude gives the outline.
 */
export function strokeWidth({ width, height, ink }: InkPlane): number {
  let area = 0;
  let outline = 0;
  for (let y = -1; y < height; y++) {
    for (let x = -1; x < width; x++) {
      const here = x >= 0 && y >= 0 ? ink[y * width + x]! : 0;
      const right = y >= 0 && x + 1 < width ? ink[y * width + x + 1]! : 0;
      const below = x >= 0 && y + 1 < height ? ink[(y + 1) * width + x]! : 0;
      area += here;
      outline += Math.sqrt((right - here) ** 2 + (below - here) ** 2);
    }
  }
  return outline === 0 ? 0 : (2 * area) / outline;
}

/**
 * Crops to `bounds` and scales with a triangle filter: smooth when enlarging, without aliasing when reducing.
 * @param margin  empty target pixels to add on every side
 */
export function resample(plane: InkPlane, bounds: Bounds, scale: number, margin: number): InkPlane {
  const across = tapsFor(bounds.left, bounds.right, scale, margin, plane.width);
  const down = tapsFor(bounds.top, bounds.bottom, scale, margin, plane.height);
  const width = across.length;
  const height = down.length;
  const rows = new Float64Array(width * plane.height);
  for (let y = bounds.top; y <= bounds.bottom; y++) {
    across.forEach(({ first, weights }, x) => {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * plane.ink[y * plane.width + first + i]!;
      rows[y * width + x] = sum;
    });
  }
  const ink = new Float64Array(width * height);
  down.forEach(({ first, weights }, y) => {
    for (let i = 0; i < weights.length; i++) {
      const row = (first + i) * width;
      for (let x = 0; x < width; x++) ink[y * width + x] = ink[y * width + x]! + weights[i]! * rows[row + x]!;
    }
  });
  return { width, height, ink };
}

interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Returns, for every target pixel of one axis, the source pixels and weights of its weighted mean. */
function tapsFor(first: number, last: number, scale: number, margin: number, length: number): Taps[] {
  const count = Math.ceil((last - first + 1) * scale) + 2 * margin;
  const reach = Math.max(1, 1 / scale);
  return Array.from({ length: count }, (_, target) => {
    const center = first + (target - margin + 0.5) / scale - 0.5;
    const from = Math.max(0, Math.ceil(center - reach));
    const to = Math.min(length - 1, Math.floor(center + reach));
    const weights: number[] = [];
    // Divides by the area of the whole filter, because pixels beyond the edge count as paper.
    for (let source = from; source <= to; source++) {
      weights.push(Math.max(0, 1 - Math.abs(source - center) / reach) / reach);
    }
    return { first: from, weights };
  });
}

/** Makes lines thicker by `radius` pixels on each side; a negative radius makes them thinner. */
export function thicken(plane: InkPlane, radius: number): InkPlane {
  const reach = Math.ceil(Math.abs(radius));
  if (reach === 0) return plane;
  const disc: { dx: number; dy: number; share: number }[] = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const share = Math.min(1, Math.abs(radius) + 1 - Math.sqrt(dx * dx + dy * dy));
      if (share > 0) disc.push({ dx, dy, share: dx === 0 && dy === 0 ? 1 : share });
    }
  }
  // Thinner ink is thicker paper, so thinning inverts the image.
  const thinning = radius < 0;
  const source = thinning ? plane.ink.map((value) => 1 - value) : plane.ink;
  const outside = thinning ? 1 : 0;
  const ink = new Float64Array(source.length);
  for (let y = 0; y < plane.height; y++) {
    for (let x = 0; x < plane.width; x++) {
      let most = 0;
      for (const { dx, dy, share } of disc) {
        const u = x + dx;
        const v = y + dy;
        const inside = u >= 0 && v >= 0 && u < plane.width && v < plane.height;
        most = Math.max(most, share * (inside ? source[v * plane.width + u]! : outside));
      }
      ink[y * plane.width + x] = thinning ? 1 - most : most;
    }
  }
  return { width: plane.width, height: plane.height, ink };
}
