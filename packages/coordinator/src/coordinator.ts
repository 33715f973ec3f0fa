import type { Artifacts, Plan } from '@sparewheel/planner';
import type { FromDevice, Tensor } from '@sparewheel/protocol';
import type { CoordinatorContext } from './context.ts';
import type { ReportedComputation } from './devices/computation-timeouts.ts';
import { Fleet } from './devices/fleet.ts';
import { Tallies, type Tally } from './devices/tally.ts';
import { DeletedError, InvalidDeploymentError, UnavailableError, UnknownDeploymentError } from './errors.ts';
import type { CoordinatorEvent, DeploymentState } from './events.ts';
import { type CoordinatorOptions, DEFAULT_OPTIONS } from './options.ts';
import { Placement } from './placement/placement.ts';
import { type Policy, rescueRule } from './policy.ts';
import type { Clock, DeviceId, Installer, LocalCompute, Transport } from './ports.ts';
import type { Inference, InferOptions } from './requests/accepted-request.ts';
import { Deployment } from './requests/deployment.ts';
import type { Generation } from './requests/generation.ts';
import { compilePlan } from './requests/program.ts';
import { StepQueue } from './requests/step-queue.ts';
import type { RequestTrace } from './requests/trace.ts';
import { type CoordinatorSnapshot, takeSnapshot } from './snapshot.ts';
import { PendingVerifications } from './steps/pending-verifications.ts';

const UINT32 = 0xffff_ffff;

export interface CoordinatorPorts {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly compute: LocalCompute;
  readonly installer: Installer;
  readonly emit: (event: CoordinatorEvent) => void;
  readonly options?: Partial<CoordinatorOptions>;
}

/** What one device did for one deployment. */
export interface DeploymentTally {
  readonly deployment: string;
  readonly device: DeviceId;
  readonly tally: Readonly<Tally>;
}

export interface DeployRequest {
  readonly name: string;
  readonly plan: Plan;
  readonly artifacts: Artifacts;
  readonly policy: Policy;
  /** Device ids by seat. A null or absent entry is filled with a standby. */
  readonly seats: readonly (DeviceId | null)[];
  /**
   * The deployment whose accepted requests this one receives as copies; it must have the same inputs. The copies'
   * answers go nowhere, and their failures do not affect the original. Does not change in a rolling change.
   */
  readonly mirrorOf?: string | null;
}

/**
 * Runs requests through plans on a fleet of unreliable devices: the logic of the data plane without its sockets.
 * All input arrives as method calls, and all output goes through the ports.
 */
export class Coordinator {
  readonly #context: CoordinatorContext;
  readonly #fleet: Fleet;
  readonly #installer: Installer;
  readonly #deployments = new Map<string, Deployment>();
  /** Undeployed, but with accepted requests that have not ended. */
  readonly #leaving = new Set<Deployment>();
  #nextTask: number;
  #nextRequest: number;
  #draining = false;

  constructor(ports: CoordinatorPorts) {
    const options: CoordinatorOptions = { ...DEFAULT_OPTIONS, ...ports.options };
    const { clock, transport, compute, emit } = ports;
    const stepQueue = new StepQueue();
    this.#fleet = new Fleet(clock, options, emit, {
      availabilityChanged: () => this.#availabilityChanged(),
      capacityFreed: () => stepQueue.startReady(),
    });
    this.#installer = ports.installer;
    this.#context = {
      clock,
      transport,
      compute,
      options,
      emit,
      fleet: this.#fleet,
      stepQueue,
      verifications: new PendingVerifications(clock, options),
      liveRequests: new Set(),
    };
    this.#nextTask = options.firstTask;
    this.#nextRequest = options.firstRequest;
  }

  /** The first unused task number. Store it, and pass it as `firstTask` after a restart. */
  get nextTask(): number {
    return this.#nextTask;
  }

  /**
   * Registers a device whose connections are all up. If the device was already connected, its previous connection
   * counts as lost.
   */
  deviceConnected(id: DeviceId): void {
    const device = this.#fleet.ensure(id);
    for (const generation of this.#generations()) generation.placement.deviceConnected(device);
    this.#fleet.connect(id);
  }

  deviceDisconnected(id: DeviceId, reason: string): void {
    this.#fleet.disconnect(id, reason);
  }

  /** Handles a message from a device. The message is parsed, but its content is not trusted. */
  receive(id: DeviceId, message: FromDevice): void {
    const device = this.#fleet.get(id);
    if (!device?.live) return;
    const computation = this.#fleet.matchMessage(device, message);
    computation?.owner?.answered(computation.shard, message, computation);
    this.#context.stepQueue.startReady();
  }

  /**
   * Records that a device has received these computations and has not finished them, so that it does not count as
   * silent. Its answers must still come before the longest timeout.
   */
  reportComputing(id: DeviceId, computations: readonly ReportedComputation[]): void {
    const device = this.#fleet.get(id);
    if (device?.live) device.recordReport(computations, this.#context.clock.now());
  }

  /** Excludes a device until its release. @param reason  shown to operators */
  quarantine(id: DeviceId, reason: string): void {
    this.#fleet.quarantine(this.#fleet.ensure(id), reason);
  }

  /** Ends a device's quarantine. @throws {UnknownDeviceError} */
  release(id: DeviceId): void {
    this.#fleet.release(id);
  }

  /**
   * Removes a device and its history. A standby takes its seats over at once. If the device joins again, it is new.
   * Disconnects a connected device first. Does nothing for an unknown device.
   */
  forget(id: DeviceId): void {
    const device = this.#fleet.forget(id);
    if (device === undefined) return;
    for (const generation of this.#generations()) generation.placement.forget(device);
    for (const deployment of this.#deployments.values()) deployment.tallies.forget(id);
    this.#availabilityChanged();
  }

  /**
   * Deploys a plan under a name. If a deployment already serves under this name, the call starts a rolling change:
   * the new plan is installed beside the old one and becomes active when it is ready. Requests in flight finish on
   * the old plan.
   * @throws {InvalidDeploymentError} the plan and its artifacts do not fit, or a device is named twice
   */
  deploy(request: DeployRequest): void {
    const { name, policy } = request;
    const owner: { deployment: Deployment | null } = { deployment: this.#deployments.get(name) ?? null };
    const generation = this.#newGeneration(request, owner);
    if (owner.deployment) owner.deployment.replaceBy(generation, policy);
    else {
      owner.deployment = new Deployment(this.#context, name, generation, policy, request.mirrorOf ?? null);
      this.#deployments.set(name, owner.deployment);
      this.#announce(owner.deployment);
    }
    generation.placement.reconcile();
    this.#review(owner.deployment);
  }

  /** Changes the policy for requests accepted from now on. @throws {UnknownDeploymentError} */
  setPolicy(name: string, policy: Policy): void {
    const deployment = this.#find(name);
    deployment.policy = policy;
    // The rules for failures may have changed during a failure.
    for (const { placement } of deployment.generations) placement.reconcile();
    this.#review(deployment);
  }

  /**
   * Takes a deployment down. Refuses new requests at once; resolves when the accepted requests have ended and the
   * seats are unloaded.
   * @param waitMs  after this time, accepted requests that still wait end with a DeletedError; by default only their
   *   deadlines end them
   * @throws {UnknownDeploymentError}
   */
  async undeploy(name: string, waitMs = Number.POSITIVE_INFINITY): Promise<void> {
    const deployment = this.#find(name);
    this.#deployments.delete(name);
    this.#leaving.add(deployment);
    deployment.state = 'unavailable';
    deployment.reason = 'taken down';
    this.#announce(deployment);
    deployment.next?.placement.dispose();
    deployment.next = null;
    const endWaiting = (): void => deployment.endAll(new DeletedError(name));
    const cancelWait =
      waitMs === Number.POSITIVE_INFINITY ? () => {} : this.#context.clock.schedule(waitMs, endWaiting);
    await deployment.idle();
    cancelWait();
    this.#leaving.delete(deployment);
    if (!this.#deployments.has(name)) this.#fleet.forgetStrikes(name);
    for (const generation of deployment.generations) generation.placement.dispose();
  }

  /**
   * Runs one request and settles exactly once.
   * @param feeds  tensors by input name; not mutated, kept until the request ends
   * @throws {CoordinatorError} before acceptance: unknown-deployment, unavailable, invalid-feeds, canceled, overloaded;
   *   after acceptance: deadline-exceeded, canceled, local-compute-failed, non-finite-output, and invalid-feeds if the
   *   plan changed while the request was queued
   */
  infer(
    name: string,
    feeds: Readonly<Record<string, Tensor>>,
    options: InferOptions = {},
  ): Promise<Inference> {
    try {
      const deployment = this.#find(name);
      if (this.#draining) throw new UnavailableError(name, 'the data plane is shutting down');
      if (!deployment.everReady) {
        const { readySeats, seatCount } = deployment.active.placement;
        throw new UnavailableError(
          name,
          `its shards are still being distributed (${readySeats} of ${seatCount} seats are ready)`,
        );
      }
      const inference = deployment.accept(this.#newRequest(), feeds, options);
      this.#copyToMirrors(name, feeds, options.mirrorInFlight ?? Number.POSITIVE_INFINITY);
      return inference;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Returns the traces of a deployment's latest requests, oldest first. @throws {UnknownDeploymentError} */
  traces(name: string): RequestTrace[] {
    return this.#find(name).traces.list();
  }

  /**
   * Returns the ages in ms of a deployment's accepted requests that have not ended, oldest first.
   * @throws {UnknownDeploymentError}
   */
  requestAges(name: string): number[] {
    return this.#find(name).requestAges();
  }

  snapshot(): CoordinatorSnapshot {
    return takeSnapshot(this.#deployments.values(), this.#fleet.devices);
  }

  /** Returns what each device did for each deployment. */
  tallies(): DeploymentTally[] {
    return Array.from(this.#deployments.values(), ({ name, tallies }) =>
      tallies.list().map(({ device, tally }) => ({ deployment: name, device, tally })),
    ).flat();
  }

  /** Stops accepting requests. Resolves when all accepted requests have ended. */
  async drain(): Promise<void> {
    this.#draining = true;
    await Promise.all([...this.#deployments.values(), ...this.#leaving].map((each) => each.idle()));
  }

  /** Gives an accepted request to the mirrors of its deployment. A mirror that refuses it does not affect the request. */
  #copyToMirrors(name: string, feeds: Readonly<Record<string, Tensor>>, most: number): void {
    for (const mirror of this.#deployments.values()) {
      if (mirror.mirrorOf === name) mirror.acceptCopy(this.#newRequest(), feeds, most);
    }
  }

  #find(name: string): Deployment {
    const deployment = this.#deployments.get(name);
    if (!deployment) throw new UnknownDeploymentError(name);
    return deployment;
  }

  #newRequest(): number {
    const { liveRequests } = this.#context;
    let request = this.#nextRequest;
    while (liveRequests.has(request)) request = following(request);
    this.#nextRequest = following(request);
    return request;
  }

  #newGeneration(request: DeployRequest, owner: { readonly deployment: Deployment | null }): Generation {
    const { name, plan, artifacts, seats } = request;
    if (seats.length > plan.seats.length) {
      throw new InvalidDeploymentError(
        name,
        `${seats.length} devices for ${plan.seats.length} seats; name at most one device per seat`,
      );
    }
    const named = seats.filter((id) => id !== null);
    if (new Set(named).size !== named.length) {
      throw new InvalidDeploymentError(
        name,
        'a device is named for two seats; each seat needs its own device',
      );
    }
    const program = compilePlan(name, plan, artifacts, () => this.#nextTask++);
    const { clock, options, emit } = this.#context;
    const placement = new Placement(
      {
        clock,
        options,
        emit,
        fleet: this.#fleet,
        installer: this.#installer,
        // An outgoing plan also gets takeovers, but storage holds the seats of the most recently deployed plan.
        seatsToStore: () => {
          const current = this.#deployments.get(name);
          return (current?.next ?? current?.active)?.placement.seatDevices ?? [];
        },
        policy: () => {
          const policy = owner.deployment?.policy ?? request.policy;
          return { rescue: rescueRule(policy, plan), detectMs: policy.detectMs ?? null };
        },
        reportOutage: () => {
          if (owner.deployment) this.#reviewOutage(owner.deployment);
        },
        placementChanged: () => {
          if (owner.deployment) this.#review(owner.deployment);
          this.#context.stepQueue.startReady();
        },
      },
      name,
      program,
      seats,
    );
    return {
      deployment: name,
      program,
      placement,
      tallies: owner.deployment?.tallies ?? new Tallies(),
      mirror: (owner.deployment?.mirrorOf ?? request.mirrorOf ?? null) !== null,
      inFlight: 0,
      comparing: false,
      answeredWrong: (id) => owner.deployment?.answeredWrong(id),
    };
  }

  *#generations(): Iterable<Generation> {
    for (const deployment of [...this.#deployments.values(), ...this.#leaving]) {
      yield* deployment.generations;
    }
  }

  #availabilityChanged(): void {
    for (const generation of [...this.#generations()]) generation.placement.reconcile();
    for (const deployment of this.#deployments.values()) this.#review(deployment);
    this.#context.stepQueue.startReady();
  }

  /** Activates the next plan when it is ready, and updates the deployment's state. */
  #review(deployment: Deployment): void {
    if (this.#leaving.has(deployment)) return;
    const { next } = deployment;
    if (next && (next.placement.complete || (next.placement.viable && this.#isBetter(next, deployment)))) {
      deployment.switchTo(next);
    }
    deployment.restartStranded();
    const { placement } = deployment.active;
    const viable = placement.viable;
    const mayRescue = rescueRule(deployment.policy, deployment.active.program.plan) === 'data-plane';
    // A settled plan gets no further devices. It serves by rescue, for example after a restart with too few devices.
    if (viable || (placement.settled && mayRescue)) deployment.everReady = true;
    const state: DeploymentState = !deployment.everReady
      ? 'distributing'
      : placement.complete
        ? 'ready'
        : viable
          ? 'degraded'
          : mayRescue
            ? 'rescuing'
            : 'unavailable';
    this.#reviewOutage(deployment);
    deployment.reason = reasonOf(state, placement);
    if (state === deployment.state) return;
    deployment.state = state;
    this.#announce(deployment);
  }

  /** Updates the deployment's outage, and emits its begin or end. */
  #reviewOutage(deployment: Deployment): void {
    if (!deployment.everReady || this.#leaving.has(deployment)) return;
    const { clock, emit } = this.#context;
    const { placement, program } = deployment.active;
    const rule = rescueRule(deployment.policy, program.plan);
    const waiting = deployment.inFlight + deployment.queued;
    const event = deployment.outages.review(deployment.name, placement, rule, waiting, clock.now());
    if (event !== null) emit(event);
  }

  /** A viable next plan with empty seats replaces the active one if they stay empty or the active one is not viable. */
  #isBetter(next: Generation, deployment: Deployment): boolean {
    return next.placement.settled || !deployment.active.placement.viable;
  }

  #announce(deployment: Deployment): void {
    const { name, state, reason } = deployment;
    this.#context.emit({ kind: 'deployment-state', deployment: name, state, reason });
  }
}

/** Says how many seats answer; null while nothing is missing, and during the first distribution. */
function reasonOf(state: DeploymentState, placement: Placement): string | null {
  if (state === 'ready' || state === 'distributing') return null;
  const waits = state === 'unavailable' ? '; requests wait for other devices' : '';
  const doubled = placement.substitutedSeats;
  const second = doubled === 0 ? '' : `; ${doubled} of them on a device that computes a second seat`;
  return `${placement.readySeats} of ${placement.seatCount} seats answer${second}${waits}`;
}

/** Request ids are unsigned 32-bit numbers on the wire; 0 is not used. */
function following(request: number): number {
  return request >= UINT32 ? 1 : request + 1;
}
