import { randomInt } from 'node:crypto';
import {
  type Coordinator,
  CoordinatorError,
  type CoordinatorEvent,
  type CoordinatorSnapshot,
  type DeploymentSnapshot,
  type DeploymentState,
  InvalidFeedsError,
  OverloadedError,
  type Policy,
  type RequestOutcome,
  type SettledRequest,
  UnavailableError,
  UnknownDeploymentError,
} from '@sparewheel/coordinator';
import type { FaultEvent, LiveDeployment, RequestDurations } from '@sparewheel/data-plane-client';
import type { Artifact, Plan } from '@sparewheel/planner';
import type { LatencyView, LoadRequest, LoadView, Tensor } from '@sparewheel/protocol';
import { ApiError } from '@sparewheel/protocol';
import type { Distributor } from './devices/distribution/distributor.ts';
import { CallStatistics } from './inference/call-statistics.ts';
import type { InferenceResult, ServedModel } from './inference/types.ts';
import { DeviceConditions } from './latency/device-conditions.ts';
import type { Change } from './latency/periods.ts';
import { LatencyRecorder, type RequestGauges } from './latency/recorder.ts';
import { LoadGenerator } from './load/generator.ts';
import type { EngineCompute } from './local-compute.ts';
import { requestGauges } from './views.ts';

/** How long an undeploy waits for accepted requests. Then they end with an error. */
const UNDEPLOY_WAIT_MS = 8_000;

interface Served {
  readonly name: string;
  readonly recorder: LatencyRecorder;
  plan: Plan;
  readonly mirror: boolean;
  /** The latest state that the coordinator reported. */
  state: DeploymentState;
  /** Why the deployment is in this state; empty if it is ready. */
  reason: string;
  readonly statistics: CallStatistics;
  /** Local steps of the current plan, which may still be distributed. All are loaded. */
  localArtifacts: readonly Artifact[];
  /** Local steps of replaced plans. Released when the current plan serves. */
  outgoingArtifacts: readonly Artifact[];
  load: LoadGenerator | null;
  /** A new plan is distributed and does not serve yet. */
  planPending: boolean;
}

export interface ServedDeploymentsOptions {
  readonly coordinator: Coordinator;
  readonly compute: EngineCompute;
  readonly distributor: Distributor;
  readonly nameOf: (device: string) => string;
  /** Address and token with which the load generator reaches this data plane. */
  readonly address: () => { readonly host: string; readonly port: number; readonly token: string };
  readonly changed: () => void;
}

/**
 * The deployments, with what the data plane adds to the coordinator: local steps, latencies, load generators.
 */
export class ServedDeployments {
  readonly #options: ServedDeploymentsOptions;
  readonly #served = new Map<string, Served>();
  readonly #conditions = new DeviceConditions();
  /** Stored deployments that the control plane has not sent yet. null before it has sent the list. */
  #expected: readonly string[] | null = null;
  /** New deployments whose local steps are loading. */
  readonly #loading = new Set<string>();
  /** Set while the recorders create their views. Saves a snapshot per deployment. */
  #snapshot: CoordinatorSnapshot | null = null;

  constructor(options: ServedDeploymentsOptions) {
    this.#options = options;
  }

  /**
   * Sets the stored deployments that the control plane has not sent yet. `ready` is false before the first
   * call, and while the list is not empty.
   */
  expect(names: readonly string[]): void {
    this.#expected = names;
  }

  /**
   * Deploys a plan, or replaces the plan of a deployment.
   * @throws {CoordinatorError} the plan is invalid
   * @throws {ApiError} 422: a local step cannot be loaded
   */
  async deploy(deployment: LiveDeployment): Promise<void> {
    const { compute, coordinator, distributor } = this.#options;
    const { name, plan, artifacts } = deployment;
    const local = plan.steps.flatMap((step) => (step.kind === 'local' ? (artifacts[step.id] ?? []) : []));
    const existing = this.#served.get(name);
    const before = existing && { ...existing };
    const blobsBefore = distributor.deployed(name, Object.values(artifacts).flat());
    if (existing === undefined) this.#loading.add(name);
    try {
      await compute.preload(local);
      // Must precede the coordinator's deploy, which emits the first state.
      this.#serve(deployment, local);
      coordinator.deploy(deployment);
    } catch (error) {
      if (existing === undefined) this.#served.delete(name);
      else Object.assign(existing, before);
      distributor.restore(name, blobsBefore);
      await compute.release(local);
      if (error instanceof CoordinatorError) throw error;
      const message = `the data plane cannot load the local steps of '${name}': ${(error as Error).message}`;
      throw new ApiError(422, 'cannot-load', message);
    } finally {
      this.#loading.delete(name);
    }
  }

  /**
   * Rejects new requests and lets accepted ones finish for a limited time. No client waits for the copies of a mirror,
   * so they end at once.
   * @throws {UnknownDeploymentError}
   */
  async undeploy(name: string): Promise<void> {
    const { compute, coordinator, distributor } = this.#options;
    const served = this.#find(name);
    this.#served.delete(name);
    // The load ends when its requests in flight have ended.
    const loadStopped = served.load?.stop();
    await coordinator.undeploy(name, served.mirror ? 0 : UNDEPLOY_WAIT_MS);
    // The last accepted request may still need the local steps.
    await compute.release([...served.localArtifacts, ...served.outgoingArtifacts]);
    if (!this.#served.has(name)) distributor.undeployed(name);
    await loadStopped;
  }

  /** Returns what clients may know of a deployment. null if it does not exist. */
  model(name: string): ServedModel | null {
    const served = this.#served.get(name);
    return served === undefined ? null : this.#model(served);
  }

  /** Returns what clients may know of all deployments, in the order of their names. */
  models(): readonly ServedModel[] {
    const served = [...this.#served.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return served.map((each) => this.#model(each));
  }

  #model({ name, plan: { inputs, outputs }, state, reason, statistics }: Served): ServedModel {
    const shown = canAnswer(state) ? 'READY' : state === 'distributing' ? 'LOADING' : 'UNAVAILABLE';
    return { name, inputs, outputs, state: shown, reason: shown === 'READY' ? '' : reason, statistics };
  }

  /**
   * Whether every stored deployment can answer or has failed. False until the control plane has sent all of
   * them, also while one is prepared, loaded or distributed.
   */
  get ready(): boolean {
    return (
      this.#expected?.length === 0 &&
      this.#loading.size === 0 &&
      // No client waits for the answers of a mirror.
      [...this.#served.values()].every(({ state, mirror }) => mirror || canAnswer(state))
    );
  }

  /** @throws {CoordinatorError} */
  async infer(
    name: string,
    feeds: Readonly<Record<string, Tensor>>,
    options: { readonly fetches: readonly string[]; readonly signal: AbortSignal },
  ): Promise<InferenceResult> {
    const { recorder, load } = this.#find(name);
    recorder.accepted();
    try {
      // A closed load waits for answers before it asks again, and so would that of a mirror.
      const mirrorInFlight = load?.running ? (load.concurrency ?? undefined) : undefined;
      const inference = await this.#options.coordinator.infer(name, feeds, { ...options, mirrorInFlight });
      const { fetches, recovered, rescued, latencyMs, queuedMs } = inference;
      return { outputs: fetches, recovered, rescued, latencyMs, queuedMs };
    } catch (error) {
      if (isRejection(error)) recorder.rejected();
      throw error;
    }
  }

  startLoad(name: string, load: LoadRequest): LoadView {
    const served = this.#find(name);
    if (served.load?.running) {
      throw new ApiError(
        409,
        'load-running',
        `a load generator is running against '${name}'`,
        'Stop it first with DELETE …/load.',
      );
    }
    served.load = new LoadGenerator({
      ...this.#options.address(),
      deployment: name,
      inputs: served.plan.inputs,
      load,
      seed: randomInt(2 ** 32),
      startedAt: new Date(),
      onChange: this.#options.changed,
    });
    return served.load.view();
  }

  async stopLoad(name: string): Promise<LoadView | null> {
    const { load } = this.#find(name);
    if (load === null) return null;
    await load.stop();
    return load.view();
  }

  async stopAllLoads(): Promise<void> {
    await Promise.all([...this.#served.values()].map(({ load }) => load?.stop()));
  }

  recorder(name: string): LatencyRecorder {
    return this.#find(name).recorder;
  }

  /** @param snapshot  a current snapshot, shared by all deployments */
  latencyViews(snapshot: CoordinatorSnapshot): LatencyView[] {
    this.#snapshot = snapshot;
    const views = [...this.#served.values()].map(({ recorder }) => recorder.view());
    this.#snapshot = null;
    return views;
  }

  durations(): RequestDurations[] {
    return [...this.#served.values()].map(({ recorder }) => recorder.durations());
  }

  load(name: string): LoadView | null {
    return this.#served.get(name)?.load?.view() ?? null;
  }

  /** Counts the copy of a request that a mirror gets. */
  requestCopied(name: string): void {
    this.#served.get(name)?.recorder.accepted();
  }

  /** Reverts `requestCopied`: the mirror refused the copy. */
  copyRefused(name: string): void {
    this.#served.get(name)?.recorder.rejected();
  }

  requestFinished(name: string, outcome: RequestOutcome): void {
    const served = this.#served.get(name);
    if (served?.planPending) this.#checkPlan(served, this.#options.coordinator.snapshot());
    served?.recorder.finished(outcome);
  }

  requestSettled(name: string, settled: SettledRequest): void {
    this.#served.get(name)?.recorder.settled(settled);
  }

  stateChanged(name: string, state: DeploymentState, reason: string | null): void {
    const served = this.#served.get(name);
    if (served === undefined) return;
    served.state = state;
    served.reason = reason ?? '';
  }

  /** Begins a new latency period for every deployment that an event affects. */
  observe(event: CoordinatorEvent | FaultEvent): void {
    const { nameOf } = this.#options;
    if (event.kind === 'corruption') this.#served.get(event.deployment)?.recorder.wrongAnswer(event);
    const change = this.#conditions.observe(event, nameOf);
    if (change !== null) {
      for (const deployment of this.#options.coordinator.snapshot().deployments) {
        if (deployment.seats.some((seat) => seat.device === change.device)) this.#changed(deployment, change);
      }
    }
    if (event.kind === 'seat-reassigned') {
      const from = event.from === null ? '' : ` from ${nameOf(event.from)}`;
      const text = `${nameOf(event.to)} takes seat ${event.seat} over${from}`;
      this.#changedIn(event.deployment, { cause: 'redistribution', text });
    }
    if (event.kind === 'redistribution-finished') {
      const text = `${nameOf(event.device)} computes seat ${event.seat} as a second task`;
      this.#changedIn(event.deployment, { cause: 'redistribution', text });
    }
    if (event.kind === 'slowdown-ended') {
      const text = `${nameOf(event.device)} computes seat ${event.seat} again`;
      this.#changedIn(event.deployment, { cause: 'revival', text });
    }
  }

  /** Changes the policy for requests accepted from now on. @throws {UnknownDeploymentError} */
  setPolicy(name: string, policy: Policy): void {
    this.#options.coordinator.setPolicy(name, policy);
    this.#changedIn(name, { cause: 'policy', text: 'the policy is changed' });
  }

  #changedIn(name: string, change: Pick<Change, 'cause' | 'text'>): void {
    const { deployments } = this.#options.coordinator.snapshot();
    const deployment = deployments.find((each) => each.name === name);
    if (deployment !== undefined) this.#changed(deployment, change);
  }

  #changed({ name, seats }: DeploymentSnapshot, { cause, text }: Pick<Change, 'cause' | 'text'>): void {
    const devices = seats.flatMap(({ device }) => device ?? []);
    const condition = this.#conditions.describe(devices, this.#options.nameOf);
    this.#served.get(name)?.recorder.changed({ cause, text, condition });
  }

  /** Begins a new period when a new plan serves. */
  #checkPlan(served: Served, { deployments }: CoordinatorSnapshot): void {
    const deployment = deployments.find(({ name }) => name === served.name);
    if (!served.planPending || deployment === undefined || deployment.nextSeats !== null) return;
    served.planPending = false;
    this.#changed(deployment, { cause: 'plan', text: 'a new plan serves' });
  }

  /** Releases the local steps of replaced plans. */
  releaseReplaced(snapshot: CoordinatorSnapshot): void {
    for (const served of this.#served.values()) this.#checkPlan(served, snapshot);
    for (const { name, nextSeats } of snapshot.deployments) {
      const served = this.#served.get(name);
      if (nextSeats !== null || served === undefined || served.outgoingArtifacts.length === 0) continue;
      // A last request of the old plan loads them again on demand.
      void this.#options.compute.release(served.outgoingArtifacts);
      served.outgoingArtifacts = [];
    }
  }

  #serve({ name, plan, mirrorOf }: LiveDeployment, local: readonly Artifact[]): void {
    const existing = this.#served.get(name);
    if (existing !== undefined) {
      existing.plan = plan;
      existing.planPending = true;
      existing.outgoingArtifacts = [...existing.outgoingArtifacts, ...existing.localArtifacts];
      existing.localArtifacts = local;
      return;
    }
    this.#served.set(name, {
      name,
      plan,
      mirror: (mirrorOf ?? null) !== null,
      state: 'distributing',
      reason: 'its shards are being distributed',
      statistics: new CallStatistics(),
      recorder: new LatencyRecorder(name, Date.now, () => this.#gauges(name), setImmediate),
      localArtifacts: local,
      outgoingArtifacts: [],
      load: null,
      planPending: false,
    });
  }

  #find(name: string): Served {
    const served = this.#served.get(name);
    if (served === undefined) throw new UnknownDeploymentError(name);
    return served;
  }

  #gauges(name: string): RequestGauges {
    const { deployments, devices } = this.#snapshot ?? this.#options.coordinator.snapshot();
    const deployment = deployments.find((each) => each.name === name);
    return deployment === undefined
      ? { inFlight: 0, late: 0, corrupt: 0 }
      : requestGauges(deployment, devices);
  }
}

function canAnswer(state: DeploymentState): boolean {
  return state !== 'distributing' && state !== 'unavailable';
}

/** Returns whether the coordinator rejected a request before accepting it. */
function isRejection(error: unknown): boolean {
  return (
    error instanceof OverloadedError ||
    error instanceof UnavailableError ||
    error instanceof UnknownDeploymentError ||
    error instanceof InvalidFeedsError
  );
}
