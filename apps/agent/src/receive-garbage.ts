/**
 * How much is received before the buffers are let go that it came in. V8 lets 32 MB of them pile up, as pages that the
 * machine has to find first: two thirds of what a device had in memory beyond its program and its shards.
 */
const COLLECT_EVERY_BYTES = 4 * 1024 * 1024;

/** Node's collector, where the process was started with `--expose-gc`; the supervisor starts devices so. */
const exposed = (globalThis as { gc?: (options: { type: 'minor' }) => void }).gc;

/** Lets go of the buffers that chunks came in, every few megabytes: the young ones, in about a millisecond. */
export class ReceiveGarbage {
  readonly #collect: () => void;
  #bytes = 0;

  /** @param collect  collects the young generation */
  constructor(collect: () => void = () => exposed?.({ type: 'minor' })) {
    this.#collect = collect;
  }

  /** So many bytes more were received and are not needed any longer. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COLLECT_EVERY_BYTES) return;
    this.#bytes = 0;
    this.#collect();
  }
}
