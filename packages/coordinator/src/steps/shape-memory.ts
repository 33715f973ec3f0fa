/** Maximum feed shapes remembered per step. A model with fixed shapes needs only one. */
const REMEMBERED_SHAPES = 16;

/**
 * Remembers the answer shape of a layer's shards by feed shape. A plan does not contain it, so it is learned from
 * verified answers. From then on, an answer with another shape is rejected.
 */
export class ShapeMemory {
  readonly #known: { readonly feed: readonly number[]; readonly answer: readonly number[] }[] = [];

  /** Returns the answer shape, or undefined if no answer was verified for this feed shape yet. */
  expected(feed: readonly number[]): readonly number[] | undefined {
    for (let i = 0; i < this.#known.length; i++) {
      const entry = this.#known[i]!;
      if (sameDims(entry.feed, feed)) return entry.answer;
    }
    return undefined;
  }

  learn(feed: readonly number[], answer: readonly number[]): void {
    if (this.expected(feed) !== undefined) return;
    if (this.#known.length >= REMEMBERED_SHAPES) this.#known.shift();
    this.#known.push({ feed: [...feed], answer: [...answer] });
  }
}

export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
