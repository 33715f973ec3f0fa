import type { Stroke } from '@sparewheel/zoo/digits';
import type { Random } from '@sparewheel/zoo/random';
import { glyphPaths, smoothStroke } from './glyphs.ts';

/** One person's handwriting. Lengths are relative to the digit's height. */
export interface Hand {
  /** For each of the ten digits, the index of its glyph variant. */
  readonly variants: readonly number[];
  /** Horizontal distance from the bottom to the top of the digit; positive leans to the right. */
  readonly slant: number;
  /** Horizontal scale of the glyph. */
  readonly width: number;
  readonly thickness: number;
  /** Standard deviation of the random displacement of each control point. */
  readonly wobble: number;
}

export const HANDS: readonly Hand[] = [
  { variants: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], slant: 0.06, width: 1, thickness: 0.1, wobble: 0.014 },
  { variants: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], slant: 0.24, width: 0.92, thickness: 0.125, wobble: 0.018 },
  { variants: [2, 2, 2, 2, 2, 2, 2, 2, 2, 2], slant: -0.05, width: 1.12, thickness: 0.15, wobble: 0.02 },
  { variants: [1, 2, 0, 1, 0, 0, 2, 1, 2, 2], slant: 0.13, width: 0.84, thickness: 0.085, wobble: 0.026 },
];

export interface WrittenDigit {
  /** In a box about 1 high with its top left corner at (0, 0). */
  readonly strokes: readonly Stroke[];
  /** Returns the pen's width at a position along a stroke in [0, 1]. It varies like pen pressure. */
  readonly thickness: (along: number) => number;
}

/** Writes a digit in a handwriting. Each call draws new random variations. */
export function writeDigit(digit: number, hand: Hand, random: Random): WrittenDigit {
  const turn = 0.03 * random.normal();
  const strokes = glyphPaths(digit, hand.variants[digit]!).map((path) => {
    const shaken = path.map((point) => ({
      ...point,
      x: point.x + hand.wobble * random.normal(),
      y: point.y + hand.wobble * random.normal(),
    }));
    return smoothStroke(shaken).map(({ x, y }) => {
      const leaning = x * hand.width + hand.slant * (1 - y);
      return { x: leaning - turn * (y - 0.5), y: y + turn * (leaning - 0.35) };
    });
  });
  const phase = random.between(0, 2 * Math.PI);
  const thickness = hand.thickness * random.between(0.92, 1.1);
  return { strokes, thickness: (along) => thickness * (1 + 0.12 * Math.sin(phase + 5 * along)) };
}
