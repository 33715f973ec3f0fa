import type { Random } from '../random.ts';
import { glyphWays, smoothStroke } from './glyphs.ts';
import type { Stroke } from './stroke.ts';

/** A person's handwriting. Lengths are shares of the digit's height. */
export interface Hand {
  /** Which manner of writing each of the ten digits. */
  readonly manners: readonly number[];
  /** Sideways lean: the top is this far to the right of the bottom. */
  readonly slant: number;
  /** Width against the glyph's own. */
  readonly width: number;
  readonly thickness: number;
  /** How unsteadily it is written. */
  readonly wobble: number;
}

export const HANDS: readonly Hand[] = [
  { manners: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], slant: 0.06, width: 1, thickness: 0.1, wobble: 0.014 },
  { manners: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1], slant: 0.24, width: 0.92, thickness: 0.125, wobble: 0.018 },
  { manners: [2, 2, 2, 2, 2, 2, 2, 2, 2, 2], slant: -0.05, width: 1.12, thickness: 0.15, wobble: 0.02 },
  { manners: [1, 2, 0, 1, 0, 0, 2, 1, 2, 2], slant: 0.13, width: 0.84, thickness: 0.085, wobble: 0.026 },
];

export interface WrittenDigit {
  /** In a box about 1 high that begins at (0, 0). */
  readonly strokes: readonly Stroke[];
  /** The pen's width by the way along a stroke in [0, 1]; the pressure swells and fades. */
  readonly thickness: (along: number) => number;
}

/** Writes a digit as a hand does, never twice the same. */
export function writeDigit(digit: number, hand: Hand, random: Random): WrittenDigit {
  const turn = 0.03 * random.normal();
  const strokes = glyphWays(digit, hand.manners[digit]!).map((way) => {
    const shaken = way.map((point) => ({
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
