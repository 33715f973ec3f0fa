import { ApiError } from '@sparewheel/protocol';
import { Mutex } from 'async-mutex';
import type { DeploymentRecord } from '../database/store.ts';

/** The stored records of all deployments, with an error for missing ones, and a mutex for each. */
export class DeploymentRecords {
  readonly #records = new Map<string, DeploymentRecord>();
  readonly #mutexes = new Map<string, Mutex>();

  get size(): number {
    return this.#records.size;
  }

  names(): readonly string[] {
    return [...this.#records.keys()];
  }

  sorted(): readonly DeploymentRecord[] {
    return [...this.#records.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): DeploymentRecord | undefined {
    return this.#records.get(name);
  }

  /** @throws {ApiError} 404 */
  get(name: string): DeploymentRecord {
    const record = this.#records.get(name);
    if (record !== undefined) return record;
    throw new ApiError(
      404,
      'unknown-deployment',
      `There is no deployment named "${name}".`,
      'GET /api/deployments lists the deployments.',
    );
  }

  put(record: DeploymentRecord): void {
    this.#records.set(record.name, record);
  }

  /** @throws {ApiError} 404 */
  change(name: string, change: Partial<Omit<DeploymentRecord, 'name'>>): void {
    this.#records.set(name, { ...this.get(name), ...change });
  }

  remove(name: string): void {
    this.#records.delete(name);
  }

  /** Runs one task at a time for each deployment, in the order of the calls. */
  async exclusive<T>(name: string, task: () => Promise<T>): Promise<T> {
    const mutex = this.#mutexes.get(name) ?? new Mutex();
    this.#mutexes.set(name, mutex);
    try {
      return await mutex.runExclusive(task);
    } finally {
      if (!mutex.isLocked()) this.#mutexes.delete(name);
    }
  }

  /** @throws {ApiError} 404; 409 the data plane does not have the deployment: it is not prepared, or it failed */
  requireLive(name: string): void {
    const { status, reason } = this.get(name);
    if (status === 'live') return;
    throw status === 'preparing'
      ? new ApiError(
          409,
          'not-live',
          `The deployment "${name}" is still being prepared.`,
          'Try again when its state is "ready".',
        )
      : new ApiError(
          409,
          'not-live',
          `The deployment "${name}" could not be set up: ${reason ?? 'the reason is unknown'}`,
          'Delete it and deploy it again.',
        );
  }
}
