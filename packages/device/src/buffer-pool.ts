/** Buffers that a pool keeps at most: the tensors of a few requests. */
const KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Reuses the buffers of received and sent frames. New memory for every frame would cost page faults and garbage
 * collections. A device computes the same few shapes all the time, so it needs few buffers.
 */
export class BufferPool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #bytes = 0;

  /** Returns a buffer of this length with any content. */
  take(bytes: number): ArrayBuffer {
    let buffer = this.#free.get(bytes)?.pop();
    if (buffer === undefined) buffer = new ArrayBuffer(bytes);
    else this.#bytes -= bytes;
    this.#lent.add(buffer);
    return buffer;
  }

  /** Takes back a buffer that is no longer read or written. Ignores buffers that the pool did not lend. */
  give(buffer: ArrayBufferLike): void {
    if (!this.#lent.delete(buffer)) return;
    const { byteLength } = buffer;
    if (byteLength > KEPT_BYTES) return;
    // Other shapes are computed now than those that fill the pool.
    if (this.#bytes + byteLength > KEPT_BYTES) {
      this.#free.clear();
      this.#bytes = 0;
    }
    const free = this.#free.get(byteLength);
    if (free === undefined) this.#free.set(byteLength, [buffer as ArrayBuffer]);
    else free.push(buffer as ArrayBuffer);
    this.#bytes += byteLength;
  }
}
