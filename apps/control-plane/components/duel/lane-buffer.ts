import type { AnswerDot, AnswerOutcome } from '@sparewheel/protocol';

/** How a dot is drawn. A wrong answer counts as bad, like a failed one. */
export type DotKind = 'answered' | 'survived' | 'bad';

export const DOT_KINDS: readonly DotKind[] = ['answered', 'survived', 'bad'];

/** The latest dots of one lane, in typed arrays: thousands of dots, without an object per dot. */
export class LaneBuffer {
  readonly #at: Float64Array;
  readonly #latencyMs: Float32Array;
  readonly #kind: Uint8Array;
  #next = 0;
  #size = 0;

  /** @param capacity  the oldest dots are overwritten */
  constructor(readonly capacity: number) {
    this.#at = new Float64Array(capacity);
    this.#latencyMs = new Float32Array(capacity);
    this.#kind = new Uint8Array(capacity);
  }

  add({ at, latencyMs, outcome, survived }: AnswerDot): void {
    const index = this.#next;
    this.#at[index] = at;
    this.#latencyMs[index] = latencyMs;
    this.#kind[index] = DOT_KINDS.indexOf(kindOf(outcome, survived));
    this.#next = (index + 1) % this.capacity;
    this.#size = Math.min(this.capacity, this.#size + 1);
  }

  /** Visits the dots that ended at `from` or later, in the order of their arrival. */
  each(from: number, visit: (at: number, latencyMs: number, kind: DotKind) => void): void {
    const first = this.#next - this.#size + this.capacity;
    for (let offset = 0; offset < this.#size; offset++) {
      const index = (first + offset) % this.capacity;
      const at = this.#at[index]!;
      if (at >= from) visit(at, this.#latencyMs[index]!, DOT_KINDS[this.#kind[index]!]!);
    }
  }
}

function kindOf(outcome: AnswerOutcome, survived: boolean): DotKind {
  if (outcome !== 'answered') return 'bad';
  return survived ? 'survived' : 'answered';
}
