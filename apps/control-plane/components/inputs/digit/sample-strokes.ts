/** A point on the unit square, x to the right, y down. */
export type Point = readonly [x: number, y: number];
export type Stroke = readonly Point[];

/** The digits 0 to 9 as handwritten strokes, for use without a pointer. */
export const SAMPLE_STROKES: readonly (readonly Stroke[])[] = [
  [arc(0.5, 0.5, 0.19, 0.29, -90, 275)],
  [
    [
      [0.54, 0.2],
      [0.48, 0.8],
    ],
  ],
  [[...arc(0.5, 0.36, 0.18, 0.16, 190, 390), [0.53, 0.6], [0.3, 0.79], [0.5, 0.76], [0.73, 0.78]]],
  [[...arc(0.48, 0.34, 0.18, 0.14, 205, 440), ...arc(0.48, 0.64, 0.2, 0.16, 275, 510)]],
  [
    [
      [0.36, 0.2],
      [0.3, 0.55],
      [0.7, 0.53],
    ],
    [
      [0.64, 0.22],
      [0.6, 0.82],
    ],
  ],
  [[[0.68, 0.2], [0.38, 0.21], [0.35, 0.47], ...arc(0.48, 0.61, 0.2, 0.18, 235, 500)]],
  [[[0.62, 0.19], [0.47, 0.33], [0.36, 0.54], ...arc(0.5, 0.64, 0.16, 0.16, 190, 550)]],
  [
    [
      [0.29, 0.23],
      [0.71, 0.22],
      [0.56, 0.5],
      [0.45, 0.81],
    ],
  ],
  [[...arc(0.5, 0.35, 0.15, 0.15, 60, -270), ...arc(0.5, 0.65, 0.17, 0.16, -90, 285)]],
  [[...arc(0.5, 0.36, 0.16, 0.15, 0, -360), [0.66, 0.4], [0.62, 0.6], [0.56, 0.81]]],
];

/** Returns points on an ellipse between two angles in degrees; 0 is right, clockwise on the screen. */
function arc(x: number, y: number, radiusX: number, radiusY: number, from: number, to: number): Stroke {
  const steps = Math.max(2, Math.ceil(Math.abs(to - from) / 12));
  return Array.from({ length: steps + 1 }, (_, step): Point => {
    const angle = ((from + ((to - from) * step) / steps) * Math.PI) / 180;
    return [x + radiusX * Math.cos(angle), y + radiusY * Math.sin(angle)];
  });
}
