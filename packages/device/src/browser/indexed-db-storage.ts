import type { BlobStorage } from '../blob-shard-store.ts';

const DATABASE = 'sparewheel';
const STORE = 'blobs';

/**
 * Stores blobs in IndexedDB, which also works on insecure pages and writes each value atomically. Blobs are
 * stored per device: each tab of a browser is its own device, and one must not delete another's blobs.
 */
export class IndexedDbStorage implements BlobStorage {
  readonly memoryBytes = 0;
  readonly #database: IDBDatabase;
  readonly #device: string;

  private constructor(database: IDBDatabase, device: string) {
    this.#database = database;
    this.#device = device;
  }

  /** @throws {DOMException} the browser gives this page no storage, as in some private windows */
  static async open(device: string): Promise<IndexedDbStorage> {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    return new IndexedDbStorage(await settled(request), device);
  }

  async list(): Promise<readonly string[]> {
    // Arrays sort after every string, so this range holds all keys that begin with the device.
    const range = IDBKeyRange.bound([this.#device], [this.#device, []]);
    const keys = await settled(this.#store('readonly').getAllKeys(range));
    return keys.map((key) => (key as [string, string])[1]);
  }

  async get(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return settled(this.#store('readonly').get([this.#device, sha256]));
  }

  async put(sha256: string, data: Uint8Array<ArrayBuffer>): Promise<void> {
    const store = this.#store('readwrite');
    store.put(data, [this.#device, sha256]);
    await committed(store.transaction);
  }

  async delete(sha256: string): Promise<void> {
    const store = this.#store('readwrite');
    store.delete([this.#device, sha256]);
    await committed(store.transaction);
  }

  #store(mode: IDBTransactionMode): IDBObjectStore {
    return this.#database.transaction(STORE, mode, { durability: 'relaxed' }).objectStore(STORE);
  }
}

function settled<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Waits for the commit. A full disk fails the commit, not the put. */
function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
