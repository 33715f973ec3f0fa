/** A seeded source of random numbers. The same seed gives the same numbers on every machine. */
export interface Random {
  /** Uniform in [0, 1), with 32 random bits. */
  uniform(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Uniform integer in [0, count). */
  below(count: number): number;
  /** Fills `target` with uniform numbers in [-range, range), drawn as by repeated `uniform` calls. */
  fill(target: Float32Array, range: number): void;
  /** Normal with mean 0 and standard deviation 1. */
  normal(): number;
}

/**
 * Creates a mulberry32 generator: 32 bits of state, fast enough for the 138 million weights of VGG16. Not for
 * secrets. The hashes of the zoo's models depend on the exact sequence. Do not replace the algorithm.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + STEP) >>> 0;
    return mix(state) / TWO_TO_32;
  };
  const fill = (target: Float32Array, range: number): void => {
    // A local variable stays in a register, which is several times faster.
    let current = state;
    for (let i = 0; i < target.length; i++) {
      current = (current + STEP) | 0;
      target[i] = range * ((2 / TWO_TO_32) * mix(current) - 1);
    }
    state = current >>> 0;
  };
  let second: number | undefined;
  const normal = (): number => {
    if (second !== undefined) {
      const value = second;
      second = undefined;
      return value;
    }
    // Box–Muller gives two values per call. 1 − u is never 0, so the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    second = radius * Math.sin(angle);
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
