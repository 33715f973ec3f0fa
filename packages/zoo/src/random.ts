/** Seeded random numbers: the same seed gives the same numbers on every machine. */
export interface Random {
  /** Uniform in [0, 1), 32 bits of it. */
  uniform(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Uniform whole number in [0, count). */
  below(count: number): number;
  /** Fills with uniform numbers in [-range, range), the same that `uniform` would give one by one. */
  fill(target: Float32Array, range: number): void;
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number;
}

/**
 * mulberry32: 32 bits of state, one multiplication chain a number. Good enough for weights, shuffles and strokes, and
 * fast enough for the 138 million weights of VGG16; not for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + STEP) >>> 0;
    return mix(state) / TWO_TO_32;
  };
  const fill = (target: Float32Array, range: number): void => {
    // A local state lets the compiler keep it in a register: several times faster.
    let current = state;
    for (let i = 0; i < target.length; i++) {
      current = (current + STEP) | 0;
      target[i] = range * ((2 / TWO_TO_32) * mix(current) - 1);
    }
    state = current >>> 0;
  };
  let spare: number | undefined;
  const normal = (): number => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    // Box–Muller makes two at a time; 1 − u keeps the logarithm finite.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  return {
    uniform,
    fill,
    between: (low, high) => low + (high - low) * uniform(),
    below: (count) => Math.floor(count * uniform()),
    normal,
  };
}

const STEP = 0x6d2b79f5;
const TWO_TO_32 = 4_294_967_296;

function mix(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
  return (mixed ^ (mixed >>> 14)) >>> 0;
}

/** Shuffles in place (Fisher–Yates). */
export function shuffle(items: { [index: number]: number; readonly length: number }, random: Random): void {
  for (let last = items.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const item = items[last]!;
    items[last] = items[other]!;
    items[other] = item;
  }
}
