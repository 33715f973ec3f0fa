/**
 * The life cycle of deployments: they are planned, prepared in the model builder, sent to the data plane, changed, and
 * deleted. After a restart of this process or the data plane, all are sent again as they are stored.
 */
import { type Policy, rescueRule } from '@sparewheel/coordinator';
import type { DataPlaneLink, DeploymentRuntime, PreloadProgress } from '@sparewheel/data-plane-client';
import type { BlobStore, ModelBuilder } from '@sparewheel/model-builder';
import {
  ApiError,
  type DeploymentRequest,
  type DeploymentView,
  type DeviceView,
  LIMITS,
  type NetworkView,
  type PlanRequest,
  type TwinRequest,
} from '@sparewheel/protocol';
import { type DeploymentRecord, NameTakenError, type Store, UnknownModelError } from '../database/store.ts';
import type { EventLog } from '../events/event-log.ts';
import { log } from '../log.ts';
import { unknownModel } from '../models/models.ts';
import { checkRescue } from './check-rescue.ts';
import { DeploymentRecords } from './deployment-records.ts';
import { deploymentView } from './deployment-view.ts';
import { Handover, isAbsence } from './handover.ts';
import { type ExplainedPlan, Planning } from './planning.ts';
import { policyText } from './policy-text.ts';
import { Preloading } from './preloading.ts';
import { Preparation } from './preparation.ts';
import { Resizing } from './resizing.ts';
import { checkMirror, hasTwin, noTwin, twinDetection, twinRequests } from './twins.ts';

type PolicyChange = { readonly [F in keyof Policy]?: Policy[F] | undefined };

export interface DeploymentParts {
  readonly store: Store;
  readonly modelBuilder: ModelBuilder;
  readonly dataPlane: DataPlaneLink;
  readonly blobs: BlobStore;
  readonly events: EventLog;
  /** Returns the fleet as last reported. */
  readonly devices: () => readonly DeviceView[];
  /** Returns the emulated network of a deployment. */
  readonly network: (deployment: string) => NetworkView | null;
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
}

export class Deployments {
  readonly #parts: DeploymentParts;
  readonly #records = new DeploymentRecords();
  readonly #planning: Planning;
  readonly #handover: Handover;
  readonly #preparation: Preparation;
  readonly #resizing: Resizing;
  readonly #preloading: Preloading;
  #runtimes: ReadonlyMap<string, DeploymentRuntime> = new Map();
  #preloads: readonly PreloadProgress[] = [];
  readonly #changed: () => void;
  readonly #deleting = new Set<string>();

  /** @param changed  called when a view may have changed */
  constructor(parts: DeploymentParts, changed: () => void) {
    this.#parts = parts;
    this.#changed = () => {
      changed();
      this.#handover.reportPending();
    };
    const shared = { ...parts, records: this.#records, changed: this.#changed };
    const failed = (record: DeploymentRecord, error: unknown) => this.#fail(record, error);
    this.#planning = new Planning({ ...parts, records: this.#records });
    this.#handover = new Handover(parts.dataPlane, this.#records, failed);
    this.#preloading = new Preloading(parts.dataPlane, parts.devices);
    this.#preparation = new Preparation({
      ...shared,
      preloading: this.#preloading,
      prepared: (name) => this.#handover.give(name),
      failed,
    });
    this.#resizing = new Resizing({ ...shared, planning: this.#planning, handover: this.#handover });
  }

  /** Reads the stored deployments. Prepares those again that were not finished or whose files are missing. */
  async open(): Promise<void> {
    for (const record of await this.#parts.store.deployments()) {
      this.#records.put(record);
      if (record.status === 'failed') continue;
      const prepared = record.status !== 'preparing' && (await this.#preparation.isDone(record));
      if (!prepared) this.#preparation.begin(record);
    }
  }

  /** Sends every live deployment to a data plane that just started. */
  handOverAll(): void {
    this.#handover.giveAll();
  }

  /** Announces a deployment. The data plane is not ready until the deployment serves or is withdrawn. */
  announce(name: string): void {
    this.#handover.announce(name);
  }

  withdraw(name: string): void {
    this.#handover.withdraw(name);
  }

  /** Takes the data plane's report of its deployments; an empty list after its end. */
  setRuntimes(runtimes: readonly DeploymentRuntime[], preloads: readonly PreloadProgress[] = []): void {
    this.#preloads = preloads;
    this.#runtimes = new Map(runtimes.map((runtime) => [runtime.name, runtime]));
    this.#changed();
    for (const runtime of runtimes) this.#resizing.review(runtime, this.#parts.now());
  }

  /** Stores a new assignment of seats, for the next start of the data plane. */
  storeSeats(name: string, seats: readonly (string | null)[]): void {
    const record = this.#records.find(name);
    // During a change of plans, the old plan's seats may change too. Only the new plan's are stored.
    if (record === undefined || seats.length !== record.plan.seats.length) return;
    this.#records.put({ ...record, seats });
    void this.#records
      .exclusive(name, () => this.#parts.store.updateDeployment(name, { seats }))
      .catch((error: unknown) => log.error({ err: error }, `cannot store the seats of ${name}`));
  }

  /** Removes a forgotten device from the stored seats, so that no restart waits for it. */
  deviceForgotten(device: string): void {
    for (const { name, seats } of this.#records.sorted()) {
      if (!seats.includes(device)) continue;
      this.storeSeats(
        name,
        seats.map((id) => (id === device ? null : id)),
      );
    }
  }

  /** Reports a change of what the views take from other parts. */
  viewsChanged(): void {
    this.#changed();
  }

  views(): readonly DeploymentView[] {
    return this.#records.sorted().map((record) => this.#view(record));
  }

  has(name: string): boolean {
    return this.#records.find(name) !== undefined;
  }

  /** @throws {ApiError} 404 */
  view(name: string): DeploymentView {
    const record = this.record(name);
    return { ...this.#view(record), plan: record.plan };
  }

  /** @throws {ApiError} 404 */
  record(name: string): DeploymentRecord {
    return this.#records.get(name);
  }

  /** @throws {ApiError} 404; 409 the data plane does not have the deployment: it is not prepared, or it failed */
  requireLive(name: string): void {
    this.#records.requireLive(name);
  }

  /** @throws {ApiError} 404 unknown model; 400 unknown device, or why there is no such plan */
  plan(request: PlanRequest): Promise<ExplainedPlan> {
    return this.#planning.explained(request);
  }

  /**
   * Plans and stores a deployment, and prepares it in the background.
   * @throws {ApiError} 409 the name is taken, or there are too many deployments; and as `plan`
   */
  create(request: DeploymentRequest): Promise<DeploymentView> {
    return this.#create(request, {});
  }

  async #create(request: DeploymentRequest, relation: { readonly twin?: true }): Promise<DeploymentView> {
    const { store, events } = this.#parts;
    if (this.has(request.name)) throw nameTaken(request.name);
    if (this.#records.size >= LIMITS.deployments) {
      throw new ApiError(
        409,
        'too-many-deployments',
        `There are already ${LIMITS.deployments} deployments, the maximum of a data plane.`,
        'Delete a deployment that you no longer need.',
      );
    }
    checkRescue(request.policy, request.objective);
    if (request.mirrorOf !== undefined) checkMirror(request, this.#original(request.mirrorOf));
    const { plan, seats } = await this.#planning.plan(request, null);
    const { name, model, k, r, strategy, layers, devices, policy, mirrorOf } = request;
    const record: DeploymentRecord = {
      name,
      model,
      status: 'preparing',
      reason: null,
      choice: {
        k,
        r,
        strategy,
        layers,
        devices: devices ?? null,
        ...(mirrorOf ? { mirrorOf } : {}),
        ...relation,
      },
      policy,
      plan,
      artifacts: null,
      // The planner's devices first, then the requested ones; null for any free device.
      seats: plan.seats.map(({ seat }, index) => seats[index] ?? devices?.[seat] ?? null),
      createdAt: new Date().toISOString(),
    };
    try {
      await store.createDeployment(record);
    } catch (error) {
      if (error instanceof NameTakenError) throw nameTaken(name);
      if (error instanceof UnknownModelError) throw unknownModel(model);
      throw error;
    }
    this.#records.put(record);
    events.add({
      kind: 'deployment-created',
      level: 'info',
      message: `${name} is being prepared: ${plan.runsWhole ?? `${model}, ${strategy}, ${k} + ${r} devices`}.`,
      device: null,
      deployment: name,
    });
    this.#preparation.begin(record);
    return this.view(name);
  }

  /** Changes a policy. The twin follows a change of the deadline. @throws {ApiError} 404 */
  async setPolicy(name: string, change: PolicyChange): Promise<DeploymentView> {
    const view = await this.#setPolicy(name, change);
    const twin = this.#twinOf(name);
    if (change.deadlineMs === undefined || twin === null) return view;
    const { detectMs } = this.record(twin).policy;
    await this.#setPolicy(twin, twinDetection({ deadlineMs: change.deadlineMs }, detectMs ?? null));
    return view;
  }

  #setPolicy(name: string, change: PolicyChange): Promise<DeploymentView> {
    return this.#records.exclusive(name, async () => {
      const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
      const record = this.record(name);
      const policy: Policy = { ...record.policy, ...given };
      checkRescue(policy, record.plan.objective ?? 'latency');
      await this.#handover.setPolicy(name, policy);
      await this.#parts.store.updateDeployment(name, { policy });
      this.#records.change(name, { policy });
      this.#parts.events.add({
        kind: 'policy-changed',
        level: 'info',
        message: `${name} has a new policy: ${policyText(policy, rescueRule(policy, record.plan))}.`,
        device: null,
        deployment: name,
      });
      this.#changed();
      return this.view(name);
    });
  }

  /**
   * Deploys the same model on the same devices without parity, as a mirror of a deployment.
   * @throws {ApiError} 404; 409 it has a twin already, or it cannot have one
   */
  async createTwin(name: string, { detectMs }: TwinRequest): Promise<DeploymentView> {
    const record = this.record(name);
    const existing = this.#twinOf(name);
    if (existing !== null) throw hasTwin(name, existing);
    const requests = twinRequests(record, detectMs ?? null);
    let problem: ApiError | null = null;
    for (const request of requests) {
      try {
        return await this.#create(request, { twin: true });
      } catch (error) {
        // The planner says 400 if the model cannot be divided over so many devices. Try fewer.
        if (!(error instanceof ApiError && error.status === 400)) throw error;
        problem ??= error;
      }
    }
    throw noTwin(name, problem?.message ?? 'there is no plan for it.');
  }

  /** Changes how fast the twin of `name` detects a failure. @throws {ApiError} 404 */
  setTwinDetection(name: string, { detectMs }: TwinRequest): Promise<DeploymentView> {
    const { policy } = this.record(name);
    return this.setPolicy(this.#requireTwin(name), twinDetection(policy, detectMs ?? null));
  }

  /** Deletes the uncoded twin of `name`; other mirrors stay. @throws {ApiError} 404 */
  async deleteTwin(name: string): Promise<void> {
    this.record(name);
    await this.delete(this.#requireTwin(name));
  }

  #requireTwin(name: string): string {
    const twin = this.#twinOf(name);
    if (twin !== null) return twin;
    throw new ApiError(404, 'unknown-twin', `The deployment "${name}" has no twin.`);
  }

  #twinOf(name: string): string | null {
    return this.#mirrorsOf(name).find(({ choice }) => choice.twin)?.name ?? null;
  }

  #mirrorsOf(name: string): DeploymentRecord[] {
    return this.#records.sorted().filter(({ choice }) => choice.mirrorOf === name);
  }

  /** Returns a deployment that can be mirrored; undefined while it is being deleted. */
  #original(name: string): DeploymentRecord | undefined {
    return this.#deleting.has(name) ? undefined : this.#records.find(name);
  }

  /** Deletes a deployment, and its mirrors. @throws {ApiError} 404 */
  async delete(name: string): Promise<void> {
    this.record(name);
    const names = [...this.#mirrorsOf(name).map((mirror) => mirror.name), name];
    for (const each of names) this.#deleting.add(each);
    this.#changed();
    try {
      for (const each of names) await this.#delete(each);
    } finally {
      for (const each of names) this.#deleting.delete(each);
      this.#changed();
    }
  }

  #delete(name: string): Promise<void> {
    this.#preparation.cancel(name);
    return this.#records.exclusive(name, async () => {
      this.record(name);
      await this.#handover.takeBack(name);
      await this.#parts.store.deleteDeployment(name);
      this.#records.remove(name);
      this.#preparation.forget(name);
      this.#resizing.forget(name);
      this.#parts.events.add({
        kind: 'deployment-deleted',
        level: 'info',
        message: `${name} was deleted.`,
        device: null,
        deployment: name,
      });
      this.#changed();
      void this.collectGarbage();
    });
  }

  /** Removes the files that no model and no deployment uses. */
  collectGarbage(): Promise<void> {
    const { modelBuilder, blobs, store } = this.#parts;
    return modelBuilder
      .exclusive(async () => void (await blobs.collect(await store.blobsInUse())))
      .catch((error: unknown) => log.error({ err: error }, 'cannot remove unused files'));
  }

  #view(record: DeploymentRecord): DeploymentView {
    const { name } = record;
    const nameOf = (id: string) => this.#parts.devices().find((device) => device.id === id)?.name ?? null;
    const sent = new Map(
      this.#preloads.filter(({ deployment }) => deployment === name).map((each) => [each.device, each]),
    );
    const expected = this.#preloading.expected(name);
    return deploymentView(record, this.#runtimes.get(name) ?? null, {
      encoding: this.#preparation.progress(name),
      preloads: {
        sent,
        expected: expected.map((id) => (id === undefined ? null : { id, name: nameOf(id) })),
      },
      dataPlaneListens: this.#parts.dataPlane.listening,
      deleting: this.#deleting.has(name),
      twin: this.#twinOf(name),
      network: this.#parts.network(name),
    });
  }

  async #fail({ name }: DeploymentRecord, error: unknown): Promise<void> {
    // Sparewheel is stopping. The next start prepares the deployment again.
    if (isAbsence(error)) return;
    const reason = error instanceof Error ? error.message : String(error);
    if (!(error instanceof ApiError)) log.error({ err: error }, `cannot deploy ${name}`);
    this.#preparation.forget(name);
    if (!this.has(name)) return;
    this.#records.change(name, { status: 'failed', reason });
    this.#parts.events.add({
      kind: 'deployment-failed',
      level: 'error',
      message: `${name} could not be deployed: ${reason}`,
      device: null,
      deployment: name,
    });
    this.#changed();
    await this.#parts.store
      .updateDeployment(name, { status: 'failed', reason })
      .catch((cause: unknown) => log.error({ err: cause }, `cannot store the failure of ${name}`));
  }
}

function nameTaken(name: string): ApiError {
  return new ApiError(
    409,
    'name-taken',
    `There is already a deployment named "${name}".`,
    'Choose another name, or delete that deployment first.',
  );
}
