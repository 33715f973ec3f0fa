/**
 * The life of deployments: planned, prepared in the workshop, handed to the data plane, changed, deleted; and after a
 * restart, of this process or of the data plane, all handed over again as they were stored.
 */
import type { Policy } from '@sparewheel/coordinator';
import type { Plan, PlanExplanation, Planned } from '@sparewheel/planner';
import {
  type DeploymentRequest,
  type DeploymentView,
  type DeviceView,
  LIMITS,
  type PlanRequest,
} from '@sparewheel/protocol';
import type { DeploymentRuntime } from '../data-plane/messages.ts';
import { RequestFailure } from '../data-plane/request-failure.ts';
import type { DataPlaneLink } from '../data-plane-link.ts';
import {
  blobsOf,
  type DeploymentRecord,
  NameTakenError,
  type Store,
  UnknownModelError,
} from '../database/store.ts';
import type { EventLog } from '../events/event-log.ts';
import { unknownModel } from '../models/models.ts';
import type { BlobStore } from '../workshop/blob-store.ts';
import type { Workshop } from '../workshop/workshop.ts';
import { capacities } from './capacities.ts';
import { deploymentView } from './deployment-view.ts';
import { Elasticity } from './elasticity.ts';
import { InTurn } from './in-turn.ts';

export interface DeploymentParts {
  readonly store: Store;
  readonly workshop: Workshop;
  readonly dataPlane: DataPlaneLink;
  readonly blobs: BlobStore;
  readonly events: EventLog;
  /** The fleet as it was last reported. */
  readonly devices: () => readonly DeviceView[];
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** A plan as `POST /api/plans` answers it: who has to sit where (null: whoever is free), and what it is expected to cost. */
export interface ExplainedPlan extends Plan {
  readonly devices: readonly (string | null)[];
  readonly explanation: PlanExplanation;
}

export class Deployments {
  readonly #parts: DeploymentParts;
  readonly #records = new Map<string, DeploymentRecord>();
  /** Those under preparation: how far, and how to call it off. */
  readonly #preparing = new Map<string, { encoding: number; readonly abort: AbortController }>();
  readonly #inTurn = new InTurn();
  readonly #elasticity = new Elasticity();
  #runtimes: ReadonlyMap<string, DeploymentRuntime> = new Map();
  /** Names that this life of the data plane has been given. */
  #handedOver = new Set<string>();
  readonly #changed: () => void;

  /** @param changed  called when a view may be another */
  constructor(parts: DeploymentParts, changed: () => void) {
    this.#parts = parts;
    this.#changed = changed;
  }

  /** Takes up what is stored: what was being prepared is prepared again, and so is what lost its files. */
  async open(): Promise<void> {
    for (const record of await this.#parts.store.deployments()) {
      this.#records.set(record.name, record);
      if (record.status === 'failed') continue;
      if (record.status === 'preparing' || !(await this.#hasFiles(record))) this.#prepare(record);
    }
  }

  /** The data plane listens, and knows nothing: everything that is live goes to it. */
  handOverAll(): void {
    this.#handedOver = new Set();
    for (const { name } of this.#records.values()) void this.#handOver(name);
  }

  /** What the data plane reports of its deployments; an empty list when it has ended. */
  setRuntimes(runtimes: readonly DeploymentRuntime[]): void {
    this.#runtimes = new Map(runtimes.map((runtime) => [runtime.name, runtime]));
    this.#changed();
    for (const runtime of runtimes) this.#review(runtime, this.#parts.now());
  }

  /** A seat changed hands: the next life of the data plane must know. */
  storeSeats(name: string, seats: readonly (string | null)[]): void {
    const record = this.#records.get(name);
    // During a change from plan to plan, the old plan's seats change hands too; the new plan's are what counts.
    if (record === undefined || seats.length !== record.plan.seats.length) return;
    this.#records.set(name, { ...record, seats });
    void this.#inTurn
      .run(name, () => this.#parts.store.updateDeployment(name, { seats }))
      .catch((error: Error) => console.error(`The seats of ${name} cannot be stored: ${error.message}`));
  }

  views(): readonly DeploymentView[] {
    return [...this.#records.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((record) => this.#view(record));
  }

  has(name: string): boolean {
    return this.#records.has(name);
  }

  /** @throws {RequestFailure} 404 */
  view(name: string): DeploymentView {
    const record = this.record(name);
    return { ...this.#view(record), plan: record.plan };
  }

  /** @throws {RequestFailure} 404 */
  record(name: string): DeploymentRecord {
    const record = this.#records.get(name);
    if (record !== undefined) return record;
    throw new RequestFailure(
      404,
      'unknown-deployment',
      `There is no deployment named "${name}".`,
      'GET /api/deployments lists those that there are.',
    );
  }

  /** @throws {RequestFailure} 404; 409 the data plane does not have it, because it is not prepared or failed */
  requireLive(name: string): void {
    const { status, reason } = this.record(name);
    if (status === 'live') return;
    throw status === 'preparing'
      ? new RequestFailure(
          409,
          'not-live',
          `The deployment "${name}" is still being prepared.`,
          'Ask again when its state is "ready".',
        )
      : new RequestFailure(
          409,
          'not-live',
          `The deployment "${name}" could not be set up: ${reason ?? 'no reason is known'}`,
          'Delete it and deploy it again.',
        );
  }

  /** @throws {RequestFailure} 404 no such model; 400 no such device, or no such plan, and why */
  async plan(request: PlanRequest): Promise<ExplainedPlan> {
    const { plan, seats, explanation } = await this.#plan(request);
    return { ...plan, devices: seats, explanation };
  }

  /**
   * Plans, stores, and prepares in the background.
   * @throws {RequestFailure} 409 the name is taken, or there are too many; and as `plan`
   */
  async create(request: DeploymentRequest): Promise<DeploymentView> {
    const { store, events } = this.#parts;
    if (this.#records.has(request.name)) throw nameTaken(request.name);
    if (this.#records.size >= LIMITS.deployments) {
      throw new RequestFailure(
        409,
        'too-many-deployments',
        `There are ${LIMITS.deployments} deployments already, the most that one data plane serves.`,
        'Delete one that is not needed.',
      );
    }
    const { plan, seats } = await this.#plan(request);
    const { name, model, k, r, strategy, layers, devices, policy } = request;
    const record: DeploymentRecord = {
      name,
      model,
      status: 'preparing',
      reason: null,
      choice: { k, r, strategy, layers, devices: devices ?? null },
      policy,
      plan,
      artifacts: null,
      // Where blocks suit certain devices those sit there; else those that were named, or whoever is free.
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
    this.#records.set(name, record);
    events.add({
      kind: 'deployment-created',
      level: 'info',
      message: `${name} is being prepared: ${model}, ${strategy}, ${k} + ${r} devices.`,
      device: null,
      deployment: name,
    });
    this.#prepare(record);
    return this.view(name);
  }

  /** @throws {RequestFailure} 404 */
  setPolicy(
    name: string,
    change: { readonly [F in keyof Policy]?: Policy[F] | undefined },
  ): Promise<DeploymentView> {
    return this.#inTurn.run(name, async () => {
      const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
      const policy: Policy = { ...this.record(name).policy, ...given };
      if (this.#handedOver.has(name)) {
        // Where the data plane is starting, it will be given the new policy.
        await this.#parts.dataPlane.call({ kind: 'set-policy', name, policy }).catch(unlessAbsent);
      }
      await this.#parts.store.updateDeployment(name, { policy });
      this.#records.set(name, { ...this.record(name), policy });
      this.#parts.events.add({
        kind: 'policy-changed',
        level: 'info',
        message: `${name} now waits ${describeWait(policy.waitMs)}, verifies ${policy.verify === 'off' ? 'nothing' : policy.verify} and gives up after ${policy.deadlineMs} ms.`,
        device: null,
        deployment: name,
      });
      this.#changed();
      return this.view(name);
    });
  }

  /** @throws {RequestFailure} 404 */
  delete(name: string): Promise<void> {
    this.record(name);
    this.#preparing.get(name)?.abort.abort();
    return this.#inTurn.run(name, async () => {
      this.record(name);
      if (this.#handedOver.delete(name)) {
        await this.#parts.dataPlane
          .call({ kind: 'undeploy', name })
          .catch((error: unknown) =>
            error instanceof RequestFailure && error.status === 404 ? undefined : unlessAbsent(error),
          );
      }
      await this.#parts.store.deleteDeployment(name);
      this.#records.delete(name);
      this.#preparing.delete(name);
      this.#elasticity.forget(name);
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

  /** Plans a deployment anew where its fleet has become smaller or larger for good. */
  #review({ name, state }: DeploymentRuntime, nowMs: number): void {
    const record = this.#records.get(name);
    if (record?.status !== 'live' || record.choice.strategy !== 'coded') return;
    if (state === 'distributing' || state === 'unavailable') return;
    const devices = this.#parts.devices().filter((device) => device.state === 'ready').length;
    const { k: wantedK, r } = record.choice;
    const size = { name, wantedK, planK: record.plan.k, r, whole: state === 'ready', devices };
    const k = this.#elasticity.observe(size, nowMs);
    if (k === null) return;
    this.#resize(name, k).then(
      (changed) => changed && this.#elasticity.changed(name),
      (error: Error) => {
        if (!isAbsence(error)) console.error(`${name} cannot be planned for ${k} devices: ${error.message}`);
      },
    );
  }

  /**
   * A rolling change: the plan that serves goes on until every seat of the new one can compute.
   * @returns false where there was nothing to change, or no longer
   */
  async #resize(name: string, k: number): Promise<boolean> {
    const { store, workshop, dataPlane, events } = this.#parts;
    const { choice, model: modelName, plan: before, policy } = this.record(name);
    const { r, strategy } = choice;
    const layers = typeof choice.layers === 'string' ? choice.layers : [...choice.layers];
    const { plan, seats } = await this.#plan({ model: modelName, k, r, strategy, layers, policy });
    const model = await store.model(modelName);
    if (model === null || plan.k === before.k) return false;
    const artifacts = await workshop.exclusive(() =>
      workshop.run({ kind: 'build', plan, canonical: model.canonical }),
    );
    return this.#inTurn.run(name, async () => {
      const record = this.#records.get(name);
      if (record?.status !== 'live' || record.plan !== before || !this.#handedOver.has(name)) return false;
      const changed = { plan, artifacts, seats: plan.seats.map((_, seat) => seats[seat] ?? null) };
      // First, so that seats which change hands from now on are taken for the new plan's.
      this.#records.set(name, { ...record, ...changed });
      try {
        await dataPlane.call({ kind: 'deploy', deployment: { name, policy: record.policy, ...changed } });
      } catch (error) {
        this.#records.set(name, record);
        throw error;
      }
      const { seats: seatsNow } = this.record(name);
      await store.updateDeployment(name, { ...changed, seats: seatsNow });
      events.add({
        kind: 'deployment-resized',
        level: 'warning',
        message: `${name} changes over to ${k} + ${r} devices, from ${before.k} + ${r}; ${choice.k} + ${r} were asked for.`,
        device: null,
        deployment: name,
      });
      this.#changed();
      return true;
    });
  }

  /** Removes the files that no model and no deployment needs. */
  collectGarbage(): Promise<void> {
    const { workshop, blobs, store } = this.#parts;
    return workshop
      .exclusive(async () => void (await blobs.collect(await store.blobsInUse())))
      .catch((error: Error) => console.error(`Files that nobody needs stay: ${error.message}`));
  }

  #view(record: DeploymentRecord): DeploymentView {
    return deploymentView(record, this.#runtimes.get(record.name) ?? null, {
      encoding: this.#preparing.get(record.name)?.encoding ?? 0,
      dataPlaneListens: this.#parts.dataPlane.listening,
    });
  }

  async #plan(request: PlanRequest): Promise<Planned> {
    const model = await this.#parts.store.model(request.model);
    if (model === null) throw unknownModel(request.model);
    const { k, r, strategy, layers } = request;
    return this.#parts.workshop.run({
      kind: 'plan',
      profileSha256: model.profileSha256,
      choice: { k, r, strategy, layers, devices: capacities(this.#candidates(request.devices)) },
    });
  }

  /** The named devices, or all that answer. */
  #candidates(named: readonly string[] | undefined): readonly DeviceView[] {
    const fleet = this.#parts.devices();
    if (named === undefined) return fleet.filter(({ state }) => state === 'ready');
    if (new Set(named).size !== named.length) {
      throw new RequestFailure(
        400,
        'invalid-request',
        'The field "devices" names a device twice.',
        'Two shards on one device would be lost together; name each device once.',
      );
    }
    return named.map((id) => {
      const device = fleet.find((candidate) => candidate.id === id);
      if (device !== undefined) return device;
      throw new RequestFailure(
        400,
        'unknown-device',
        `The field "devices" names "${id}", which is not in the fleet.`,
        'GET /api/devices lists the ids of those that are.',
      );
    });
  }

  async #hasFiles({ artifacts }: DeploymentRecord): Promise<boolean> {
    if (artifacts === null) return false;
    for (const blob of blobsOf(Object.values(artifacts).flat())) {
      if (!(await this.#parts.blobs.has(blob))) return false;
    }
    return true;
  }

  /** Encodes in the background, then hands over. */
  #prepare(record: DeploymentRecord): void {
    const { name } = record;
    const preparation = { encoding: 0, abort: new AbortController() };
    this.#preparing.set(name, preparation);
    this.#records.set(name, { ...record, status: 'preparing' });
    this.#changed();
    this.#build(record, preparation)
      .then(async (built) => {
        if (built) await this.#handOver(name);
      })
      .catch((error: unknown) => this.#fail(record, preparation.abort.signal, error));
  }

  /** @returns false where it was called off */
  #build(record: DeploymentRecord, preparation: { encoding: number; readonly abort: AbortController }) {
    const { store, workshop } = this.#parts;
    const { name, plan } = record;
    const { signal } = preparation.abort;
    return workshop.exclusive(async () => {
      const model = signal.aborted ? null : await store.model(record.model);
      if (model === null) return false;
      const artifacts = await workshop.run(
        { kind: 'build', plan, canonical: model.canonical },
        (encoding) => {
          preparation.encoding = encoding;
          this.#changed();
        },
      );
      return this.#inTurn.run(name, async () => {
        if (signal.aborted) return false;
        await store.updateDeployment(name, { status: 'live', reason: null, artifacts });
        this.#records.set(name, { ...this.record(name), status: 'live', reason: null, artifacts });
        this.#preparing.delete(name);
        this.#changed();
        return true;
      });
    });
  }

  async #handOver(name: string): Promise<void> {
    const record = this.#records.get(name);
    if (record?.status !== 'live' || record.artifacts === null) return;
    if (!this.#parts.dataPlane.listening || this.#handedOver.has(name)) return;
    const handedOver = this.#handedOver;
    handedOver.add(name);
    const { plan, artifacts, policy, seats } = record;
    try {
      await this.#parts.dataPlane.call({
        kind: 'deploy',
        deployment: { name, plan, artifacts, policy, seats },
      });
    } catch (error) {
      handedOver.delete(name);
      // It ended meanwhile; its next life is given everything.
      if (isAbsence(error)) return;
      await this.#fail(record, null, error);
    }
  }

  async #fail(record: DeploymentRecord, signal: AbortSignal | null, error: unknown): Promise<void> {
    const { name } = record;
    // Called off, or we are stopping: the next start takes it up again.
    if (signal?.aborted || isAbsence(error)) return;
    const reason = error instanceof Error ? error.message : String(error);
    if (!(error instanceof RequestFailure)) console.error(error);
    this.#preparing.delete(name);
    const current = this.#records.get(name);
    if (current === undefined) return;
    this.#records.set(name, { ...current, status: 'failed', reason });
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
      .catch((cause: Error) => console.error(`The failure of ${name} cannot be stored: ${cause.message}`));
  }
}

function isAbsence(error: unknown): boolean {
  return (
    error instanceof RequestFailure && (error.code === 'data-plane-starting' || error.code === 'stopping')
  );
}

function unlessAbsent(error: unknown): void {
  if (!isAbsence(error)) throw error;
}

function nameTaken(name: string): RequestFailure {
  return new RequestFailure(
    409,
    'name-taken',
    `There is already a deployment named "${name}".`,
    'Choose another name, or delete that deployment first.',
  );
}

function describeWait(waitMs: Policy['waitMs']): string {
  if (waitMs === 'any-k') return 'for any k answers';
  if (waitMs === 'all') return 'for all data shards';
  return `${waitMs} ms for the data shards`;
}
