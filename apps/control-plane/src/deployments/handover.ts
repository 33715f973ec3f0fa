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
  /** Deployments that will be stored soon. */
  readonly #announced = new Set<string>();
  /** The pending deployments that the data plane knows of; null where it has not been told. */
  #reported: string | null = null;

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
    this.#reported = null;
    for (const name of this.#records.names()) void this.#send(name);
    this.reportPending();
  }

  /** The data plane is not ready before a deployment of this name is stored, or the announcement withdrawn. */
  announce(name: string): void {
    this.#announced.add(name);
    this.reportPending();
  }

  withdraw(name: string): void {
    this.#announced.delete(name);
    this.reportPending();
  }

  /** Tells the data plane which stored deployments it does not have yet: it is not ready while there are any. */
  reportPending(): void {
    if (!this.#dataPlane.listening) return;
    const stored = this.#records.names().filter((name) => {
      const { status } = this.#records.get(name);
      return status === 'preparing' || (status === 'live' && !this.#given.has(name));
    });
    const names = [...new Set([...this.#announced, ...stored])];
    const reported = names.join();
    if (reported === this.#reported) return;
    this.#reported = reported;
    this.#dataPlane.call({ kind: 'expect-deployments', names }).catch((error: unknown) => {
      if (isAbsence(error)) return;
      this.#reported = null;
      console.error(error);
    });
  }

  /** Gives a deployment that is live, once; where the data plane is starting, it is given everything later. */
  give(name: string): Promise<void> {
    const given = this.#send(name);
    // After the call that deploys: the data plane handles calls in their order.
    this.reportPending();
    return given;
  }

  async #send(name: string): Promise<void> {
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
