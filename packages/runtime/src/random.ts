import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

const WARM_UP = 8;

/** A seeded source of random numbers: the same seed gives the same numbers. Not for secrets. */
export class Random {
  readonly #generator: RandomGenerator;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(scramble(seed));
    // The first outputs still depend on the seed in a simple way.
    for (let i = 0; i < WARM_UP; i++) this.#generator.next();
  }

  /** Returns a number in [0, 1), a multiple of 2⁻³². */
  next(): number {
    return (this.#generator.next() >>> 0) / 2 ** 32;
  }

  /** Returns an integer in [0, n). */
  upTo(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** Returns an integer in [from, to]. */
  whole(from: number, to: number): number {
    return from + this.upTo(to - from + 1);
  }

  /** Returns a number in [from, to). */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.upTo(items.length)]!;
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  /** Returns a shuffled copy. */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.upTo(i + 1);
      [result[i], result[j]] = [result[j]!, result[i]!];
    }
    return result;
  }

  /** Returns a generator of its own: draws from it do not change what this one draws. */
  fork(): Random {
    return new Random(Math.floor(this.next() * 2 ** 32));
  }
}

/** Returns a hash of a seed, so that neighboring seeds start far apart (the finalizer of MurmurHash3). */
function scramble(seed: number): number {
  let hash = seed | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
