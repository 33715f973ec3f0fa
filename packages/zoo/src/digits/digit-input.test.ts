import { describe, expect, test } from 'vitest';
import { DIGIT_SIZE, digitFromPixels, digitFromStrokes } from './digit-input.ts';
import { drawStrokes } from './stroke.ts';

const CANVAS = 280;
/** A 7 on a canvas of 280 × 280. */
const SEVEN = [
  [
    { x: 80, y: 60 },
    { x: 200, y: 60 },
    { x: 130, y: 230 },
  ],
];

function drawn(
  thickness: number,
  move: (point: { x: number; y: number }) => { x: number; y: number },
): Float32Array {
  const image = drawStrokes(
    SEVEN.map((stroke) => stroke.map(move)),
    thickness,
    CANVAS,
    CANVAS,
  );
  return digitFromPixels(image.pixels, CANVAS, CANVAS);
}

function bounds(input: Float32Array): { width: number; height: number; left: number; top: number } {
  const xs: number[] = [];
  const ys: number[] = [];
  input.forEach((value, at) => {
    if (value <= 0.1) return;
    xs.push(at % DIGIT_SIZE);
    ys.push(Math.floor(at / DIGIT_SIZE));
  });
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return { left, top, width: Math.max(...xs) - left + 1, height: Math.max(...ys) - top + 1 };
}

function centerOfMass(input: Float32Array): [number, number] {
  let mass = 0;
  let x = 0;
  let y = 0;
  input.forEach((value, at) => {
    mass += value;
    x += value * (at % DIGIT_SIZE);
    y += value * Math.floor(at / DIGIT_SIZE);
  });
  return [x / mass, y / mass];
}

/** Mean absolute difference of the pixels. */
function difference(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]!), 0) / a.length;
}

describe('digitFromPixels', () => {
  test('fills a box of 20 pixels, with the center of mass on pixel 14', () => {
    const input = drawn(18, (point) => point);
    expect(input).toHaveLength(784);
    const { width, height } = bounds(input);
    expect(Math.max(width, height)).toBeGreaterThanOrEqual(19);
    expect(Math.max(width, height)).toBeLessThanOrEqual(21);
    const [x, y] = centerOfMass(input);
    expect(Math.abs(x - 14)).toBeLessThan(0.2);
    expect(Math.abs(y - 14)).toBeLessThan(0.2);
    expect(Math.max(...input)).toBeLessThanOrEqual(1);
    expect(Math.min(...input)).toBeGreaterThanOrEqual(0);
  });

  test('gives nearly the same input for every position and size of the drawing', () => {
    const usual = drawn(18, (point) => point);
    const corner = drawn(18, ({ x, y }) => ({ x: x - 60, y: y - 45 }));
    const half = drawn(9, ({ x, y }) => ({ x: x / 2 + 120, y: y / 2 + 100 }));
    const tiny = drawn(2.5, ({ x, y }) => ({ x: x / 7 + 9, y: y / 7 + 200 }));
    expect(difference(usual, corner)).toBeLessThan(0.01);
    expect(difference(usual, half)).toBeLessThan(0.02);
    expect(difference(usual, tiny)).toBeLessThan(0.04);
  });

  test('adjusts thin and thick strokes to the widths in MNIST', () => {
    const ink = (thickness: number): number =>
      drawn(thickness, (point) => point).reduce((sum, value) => sum + value);
    // The bounds are this digit's ink at stroke widths of 1.7 and 3.2 pixels. Without adjustment it would
    // vary 60-fold.
    for (const thickness of [1, 2, 5, 18, 40, 60]) {
      expect(ink(thickness), `${thickness} px`).toBeGreaterThan(55);
      expect(ink(thickness), `${thickness} px`).toBeLessThan(135);
    }
  });

  test('does not mutate the drawing', () => {
    const image = drawStrokes(SEVEN, 18, CANVAS, CANVAS);
    const before = image.pixels.slice();
    digitFromPixels(image.pixels, CANVAS, CANVAS);
    expect(image.pixels).toEqual(before);
  });

  test('gives zeros for an empty canvas and for faint noise', () => {
    expect(
      digitFromPixels(new Uint8ClampedArray(CANVAS * CANVAS), CANVAS, CANVAS).every((v) => v === 0),
    ).toBe(true);
    const noise = Uint8ClampedArray.from({ length: 400 }, (_, index) => index % 20);
    expect(digitFromPixels(noise, 20, 20).every((value) => value === 0)).toBe(true);
  });

  test('keeps values in [0, 1] for a dot, a full canvas and a line along the edge', () => {
    const dot = new Uint8ClampedArray(100 * 50);
    dot[77] = 255;
    const full = new Uint8ClampedArray(30 * 30).fill(255);
    const edge = new Uint8ClampedArray(40 * 40);
    for (let y = 0; y < 40; y++) edge[y * 40 + 39] = 255;
    for (const [pixels, width, height] of [
      [dot, 100, 50],
      [full, 30, 30],
      [edge, 40, 40],
    ] as const) {
      const input = digitFromPixels(pixels, width, height);
      expect(input.every((value) => value >= 0 && value <= 1)).toBe(true);
      expect(input.some((value) => value > 0.5)).toBe(true);
    }
  });

  test('rejects a pixel count that is not width × height', () => {
    expect(() => digitFromPixels(new Uint8ClampedArray(10), 3, 4)).toThrow(RangeError);
    expect(() => digitFromPixels(new Uint8ClampedArray(10), 2.5, 4)).toThrow(RangeError);
  });
});

describe('digitFromStrokes', () => {
  test('gives the same input as a canvas, in any coordinates', () => {
    const fromCanvas = drawn(19, (point) => point);
    const large = SEVEN.map((stroke) => stroke.map(({ x, y }) => ({ x: 1000 * x - 5, y: 1000 * y + 7 })));
    expect(difference(digitFromStrokes(SEVEN), fromCanvas)).toBeLessThan(0.02);
    expect(difference(digitFromStrokes(SEVEN), digitFromStrokes(large))).toBeLessThan(0.001);
  });

  test('gives zeros without strokes, and a dot for a single point', () => {
    expect(digitFromStrokes([]).every((value) => value === 0)).toBe(true);
    expect(digitFromStrokes([[{ x: 5, y: 5 }]]).some((value) => value > 0.5)).toBe(true);
  });

  test('rejects a coordinate that is not a finite number', () => {
    expect(() => digitFromStrokes([[{ x: Number.NaN, y: 1 }]])).toThrow(RangeError);
  });
});
