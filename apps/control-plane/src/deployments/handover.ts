import type { Policy } from '@sparewheel/coordinator';
import type { DataPlaneLink } from '@sparewheel/data-plane-client';
import { ApiError } from '@sparewheel/protocol';
import type { DeploymentRecord } from '../database/store.ts';
import type { DeploymentRecords } from './deployment-records.ts';

/** What of a record is the data plane's to know. */
type Served = Pick<DeploymentRecord, 'plan' | 'seats'> & {
  readonly artifacts: NonNullable<DeploymentRecord['artifacts']>;
};

/** What this life of the data plane has been given: its next one knows nothing, and is given everything again. */
export class Handover {
  readonly #dataPlane: DataPlaneLink;
  readonly #records: DeploymentRecords;
  readonly #refused: (record: DeploymentRecord, error: unknown) => Promise<void>;
  #given = new Set<string>();

  /** @param refused  the data plane would not take a deployment */
  constructor(
    dataPlane: DataPlaneLink,
    records: DeploymentRecords,
    refused: (record: DeploymentRecord, error: unknown) => Promise<void>,
  ) {
    this.#dataPlane = dataPlane;
    this.#records = records;
    this.#refused = refused;
  }

  has(name: string): boolean {
    return this.#given.has(name);
  }

  /** The data plane listens, and knows nothing: everything that is live goes to it. */
  giveAll(): void {
    this.#given = new Set();
    for (const name of this.#records.names()) void this.give(name);
  }

  /** Gives a deployment that is live, once; where the data plane is starting, it is given everything later. */
  async give(name: string): Promise<void> {
    const record = this.#records.find(name);
    if (record?.status !== 'live' || record.artifacts === null) return;
    if (!this.#dataPlane.listening || this.#given.has(name)) return;
    const given = this.#given;
    given.add(name);
    try {
      await this.change(name, { ...record, artifacts: record.artifacts }, record.policy);
    } catch (error) {
      given.delete(name);
      // It ended meanwhile; its next life is given everything.
      if (isAbsence(error)) return;
      await this.#refused(record, error);
    }
  }

  /** Deploys a plan, or changes over to it. @throws {ApiError} it would not, or is not there */
  async change(name: string, { plan, artifacts, seats }: Served, policy: Policy): Promise<void> {
    await this.#dataPlane.call({ kind: 'deploy', deployment: { name, plan, artifacts, policy, seats } });
  }

  async setPolicy(name: string, policy: Policy): Promise<void> {
    if (!this.#given.has(name)) return;
    // Where the data plane is starting, it will be given the new policy.
    await this.#dataPlane.call({ kind: 'set-policy', name, policy }).catch(unlessAbsent);
  }

  async takeBack(name: string): Promise<void> {
    if (!this.#given.delete(name)) return;
    await this.#dataPlane.call({ kind: 'undeploy', name }).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 404)) unlessAbsent(error);
    });
  }
}

/** The data plane is starting, or we are stopping: what was asked of it is asked again. */
export function isAbsence(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 'data-plane-starting' || error.code === 'stopping');
}

function unlessAbsent(error: unknown): void {
  if (!isAbsence(error)) throw error;
}
