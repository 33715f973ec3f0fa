import type { Policy } from '@sparewheel/coordinator';
import type { DataPlaneLink } from '@sparewheel/data-plane-client';
import { ApiError } from '@sparewheel/protocol';
import type { DeploymentRecord } from '../database/store.ts';
import { log } from '../log.ts';
import type { DeploymentRecords } from './deployment-records.ts';

/** The part of a record that the data plane needs. */
type Served = Pick<DeploymentRecord, 'plan' | 'seats' | 'choice'> & {
  readonly artifacts: NonNullable<DeploymentRecord['artifacts']>;
};

/** Sends deployments to the data plane, and all of them again after its restart. */
export class Handover {
  readonly #dataPlane: DataPlaneLink;
  readonly #records: DeploymentRecords;
  readonly #refused: (record: DeploymentRecord, error: unknown) => Promise<void>;
  #given = new Set<string>();
  /** Deployments that will be stored soon. */
  readonly #announced = new Set<string>();
  /** The last report of pending deployments; null before the first. */
  #reported: string | null = null;

  /** @param refused  called when the data plane rejects a deployment */
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

  /** Sends every live deployment to a data plane that just started. */
  giveAll(): void {
    this.#given = new Set();
    this.#reported = null;
    for (const name of this.#records.names()) void this.#send(name);
    this.reportPending();
  }

  /** Keeps the data plane from being ready until a deployment of this name is stored or withdrawn. */
  announce(name: string): void {
    this.#announced.add(name);
    this.reportPending();
  }

  withdraw(name: string): void {
    this.#announced.delete(name);
    this.reportPending();
  }

  /** Tells the data plane which deployments it will still receive. It is not ready while there are any. */
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
      log.error({ err: error }, 'cannot report pending deployments');
    });
  }

  /** Sends a live deployment once. A data plane that is starting receives it later. */
  give(name: string): Promise<void> {
    const given = this.#send(name);
    // After the deploy call, because the data plane handles calls in order.
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
      // The data plane ended. It receives everything after its restart.
      if (isAbsence(error)) return;
      await this.#refused(record, error);
    }
  }

  /** Deploys a plan, or changes a deployment to it. @throws {ApiError} the data plane rejects it or is not running */
  async change(name: string, { plan, artifacts, seats, choice }: Served, policy: Policy): Promise<void> {
    const mirror = choice.mirrorOf ? { mirrorOf: choice.mirrorOf } : {};
    const deployment = { name, plan, artifacts, policy, seats, ...mirror };
    await this.#dataPlane.call({ kind: 'deploy', deployment });
  }

  async setPolicy(name: string, policy: Policy): Promise<void> {
    if (!this.#given.has(name)) return;
    // A data plane that is starting receives the new policy later.
    await this.#dataPlane.call({ kind: 'set-policy', name, policy }).catch(unlessAbsent);
  }

  async takeBack(name: string): Promise<void> {
    if (!this.#given.delete(name)) return;
    await this.#dataPlane.call({ kind: 'undeploy', name }).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 404)) unlessAbsent(error);
    });
  }
}

/** Whether a call failed because the data plane is starting or Sparewheel is stopping. The call is repeated later. */
export function isAbsence(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 'data-plane-starting' || error.code === 'stopping');
}

function unlessAbsent(error: unknown): void {
  if (!isAbsence(error)) throw error;
}
