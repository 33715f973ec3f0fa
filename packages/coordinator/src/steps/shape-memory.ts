/** Feed shapes whose answer shape is remembered, per step; one is enough for a model with fixed shapes. */
const REMEMBERED_SHAPES = 16;

/**
 * Which shape every shard of a layer answers with, by the shape of what it was fed. A plan does not say it; it is
 * learned from answers that were confirmed, and from then on a device cannot claim another.
 */
export class ShapeMemory {
  readonly #known: { readonly feed: readonly number[]; readonly answer: readonly number[] }[] = [];

  /** @returns undefined where nothing was confirmed for this feed shape yet */
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
