import type { BlobShelf } from '../blob-shelf.ts';

const DATABASE = 'sparewheel';
const STORE = 'blobs';

/**
 * Blobs in IndexedDB, which every browser has, on insecure pages too, and which writes a value as a whole or not at
 * all. Each device has its own: the tabs of one browser are several devices, and what one drops another may need.
 */
export class IndexedDbShelf implements BlobShelf {
  readonly memoryBytes = 0;
  readonly #database: IDBDatabase;
  readonly #device: string;

  private constructor(database: IDBDatabase, device: string) {
    this.#database = database;
    this.#device = device;
  }

  /** @throws {DOMException} the browser gives this page no storage, as some private windows do */
  static async open(device: string): Promise<IndexedDbShelf> {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    return new IndexedDbShelf(await settled(request), device);
  }

  async list(): Promise<readonly string[]> {
    // An array sorts behind every string, so this range is all keys that begin with the device.
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

/** A full disk shows when the transaction commits, not when the value is put. */
function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}
