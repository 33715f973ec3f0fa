import { ApiError } from '@sparewheel/protocol';
import type { DeploymentRecord } from '../database/store.ts';

/** What is known of every deployment, as it is stored; and refusals for those that are not there. */
export class DeploymentRecords {
  readonly #records = new Map<string, DeploymentRecord>();

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
      'GET /api/deployments lists those that there are.',
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

  /** @throws {ApiError} 404; 409 the data plane does not have it, because it is not prepared or failed */
  requireLive(name: string): void {
    const { status, reason } = this.get(name);
    if (status === 'live') return;
    throw status === 'preparing'
      ? new ApiError(
          409,
          'not-live',
          `The deployment "${name}" is still being prepared.`,
          'Ask again when its state is "ready".',
        )
      : new ApiError(
          409,
          'not-live',
          `The deployment "${name}" could not be set up: ${reason ?? 'no reason is known'}`,
          'Delete it and deploy it again.',
        );
  }
}
