/** Where a browser keeps whole, verified blobs by their digest. What goes wrong in it rejects as the browser says it. */
export interface BlobShelf {
  list(): Promise<readonly string[]>;
  get(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  put(sha256: string, data: Uint8Array<ArrayBuffer>): Promise<void>;
  delete(sha256: string): Promise<void>;
  /** Bytes of working memory that it occupies. */
  readonly memoryBytes: number;
}

/** For pages that get no lasting storage: it ends with the device. */
export class MemoryShelf implements BlobShelf {
  readonly #blobs = new Map<string, Uint8Array<ArrayBuffer>>();

  async list(): Promise<readonly string[]> {
    return [...this.#blobs.keys()];
  }

  async get(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#blobs.get(sha256);
  }

  async put(sha256: string, data: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#blobs.set(sha256, data);
  }

  async delete(sha256: string): Promise<void> {
    this.#blobs.delete(sha256);
  }

  get memoryBytes(): number {
    let sum = 0;
    for (const { byteLength } of this.#blobs.values()) sum += byteLength;
    return sum;
  }
}
