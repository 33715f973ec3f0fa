import type { Artifacts, Plan } from '@sparewheel/planner';
import type { FromDevice, Tensor } from '@sparewheel/protocol';
import type { Runtime } from './context.ts';
import { Fleet } from './devices/fleet.ts';
import { InvalidDeploymentError, UnavailableError, UnknownDeploymentError } from './errors.ts';
import type { CoordinatorEvent, DeploymentState } from './events.ts';
import { type CoordinatorOptions, DEFAULT_OPTIONS } from './options.ts';
import { Placement } from './placement/placement.ts';
import type { Policy } from './policy.ts';
import type { Clock, DeviceId, Installer, LocalCompute, Transport } from './ports.ts';
import type { Inference, InferOptions } from './requests/accepted-request.ts';
import { Deployment } from './requests/deployment.ts';
import type { Generation } from './requests/generation.ts';
import { Parking } from './requests/parking.ts';
import { compilePlan } from './requests/program.ts';
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

export interface DeployRequest {
  readonly name: string;
  readonly plan: Plan;
  readonly artifacts: Artifacts;
  readonly policy: Policy;
  /** By seat; null, and seats beyond the end, are filled from the spares. */
  readonly seats: readonly (DeviceId | null)[];
}

/**
 * Takes requests through plans on a fleet of unreliable devices: the logic of the data plane, without its sockets.
 * Everything that happens comes in by a method call; everything it does goes out through its ports.
 */
export class Coordinator {
  readonly #runtime: Runtime;
  readonly #fleet: Fleet;
  readonly #installer: Installer;
  readonly #deployments = new Map<string, Deployment>();
  /** Taken down, finishing what they had accepted. */
  readonly #leaving = new Set<Deployment>();
  #nextTask: number;
  #nextRequest: number;
  #draining = false;

  constructor(ports: CoordinatorPorts) {
    const options: CoordinatorOptions = { ...DEFAULT_OPTIONS, ...ports.options };
    const { clock, transport, compute, emit } = ports;
    const parking = new Parking();
    this.#fleet = new Fleet(clock, options, emit, {
      standingChanged: () => this.#standingChanged(),
      roomMade: () => parking.pump(),
    });
    this.#installer = ports.installer;
    this.#runtime = {
      clock,
      transport,
      compute,
      options,
      emit,
      fleet: this.#fleet,
      parking,
      verifications: new PendingVerifications(clock, options),
      liveRequests: new Set(),
    };
    this.#nextTask = options.firstTask;
    this.#nextRequest = options.firstRequest;
  }

  /** The first task number that was never used; to be stored and given as `firstTask` after a restart. */
  get nextTask(): number {
    return this.#nextTask;
  }

  /** Both connections of a device are up. A device that was up already counts as having been lost in between. */
  deviceConnected(id: DeviceId): void {
    const device = this.#fleet.ensure(id);
    for (const generation of this.#generations()) generation.placement.deviceConnected(device);
    this.#fleet.connect(id);
  }

  deviceDisconnected(id: DeviceId, reason: string): void {
    this.#fleet.disconnect(id, reason);
  }

  /** A message from a device, parsed but not believed. */
  receive(id: DeviceId, message: FromDevice): void {
    const device = this.#fleet.get(id);
    // What a quarantined or lost device still says is of no use to anybody.
    if (!device?.live) return;
    const computation = this.#fleet.arrived(device, message);
    computation?.owner?.answered(computation.shard, message, computation);
    this.#runtime.parking.pump();
  }

  /** Never uses a device again until it is pardoned, for a reason that the caller has seen. */
  quarantine(id: DeviceId, reason: string): void {
    this.#fleet.quarantine(this.#fleet.ensure(id), reason);
  }

  /** @throws {UnknownDeviceError} */
  release(id: DeviceId): void {
    this.#fleet.release(id);
  }

  /**
   * Brings a plan onto devices under a name. Under a name that serves already this is a rolling change: the new
   * plan is installed beside the old one and takes over when it is ready; requests in flight finish on the old one.
   * @throws {InvalidDeploymentError} the plan and its artifacts do not fit, or a device is named twice
   */
  deploy(request: DeployRequest): void {
    const { name, policy } = request;
    const owner: { deployment: Deployment | null } = { deployment: this.#deployments.get(name) ?? null };
    const generation = this.#newGeneration(request, owner);
    if (owner.deployment) owner.deployment.replaceBy(generation, policy);
    else {
      owner.deployment = new Deployment(this.#runtime, name, generation, policy);
      this.#deployments.set(name, owner.deployment);
      this.#announce(owner.deployment);
    }
    generation.placement.reconcile();
    this.#review(owner.deployment);
  }

  /** For requests from now on. @throws {UnknownDeploymentError} */
  setPolicy(name: string, policy: Policy): void {
    this.#find(name).policy = policy;
  }

  /** Takes it down: new requests are refused at once, accepted ones finish first. @throws {UnknownDeploymentError} */
  async undeploy(name: string): Promise<void> {
    const deployment = this.#find(name);
    this.#deployments.delete(name);
    this.#leaving.add(deployment);
    deployment.state = 'unavailable';
    deployment.reason = 'taken down';
    this.#announce(deployment);
    deployment.next?.placement.dispose();
    deployment.next = null;
    await deployment.idle();
    this.#leaving.delete(deployment);
    for (const generation of deployment.generations) generation.placement.dispose();
  }

  /**
   * Answers one request, exactly once.
   * @param feeds  by input name; not mutated, kept until the request has ended
   * @throws {CoordinatorError} unknown-deployment, unavailable, invalid-feeds, overloaded before it is accepted;
   *   deadline-exceeded, cancelled, local-compute-failed, non-finite-output afterwards
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
      return deployment.accept(this.#newRequest(), feeds, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The last finished and running requests of a deployment, oldest first. @throws {UnknownDeploymentError} */
  traces(name: string): RequestTrace[] {
    return this.#find(name).traces.list();
  }

  snapshot(): CoordinatorSnapshot {
    return takeSnapshot(this.#deployments.values(), this.#fleet.devices);
  }

  /** Stops accepting; resolves when everything that was accepted is answered. */
  async drain(): Promise<void> {
    this.#draining = true;
    await Promise.all([...this.#deployments.values(), ...this.#leaving].map((each) => each.idle()));
  }

  #find(name: string): Deployment {
    const deployment = this.#deployments.get(name);
    if (!deployment) throw new UnknownDeploymentError(name);
    return deployment;
  }

  #newRequest(): number {
    const { liveRequests } = this.#runtime;
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
        `${seats.length} devices for ${plan.seats.length} seats; give at most one device a seat`,
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
    const { clock, options, emit } = this.#runtime;
    const placement = new Placement(
      {
        clock,
        options,
        emit,
        fleet: this.#fleet,
        installer: this.#installer,
        // A plan that is on its way out heals too, and its seats are not those of the plan that is stored.
        seatsToStore: () => {
          const current = this.#deployments.get(name);
          return (current?.next ?? current?.active)?.placement.seatDevices ?? [];
        },
        placementChanged: () => {
          if (owner.deployment) this.#review(owner.deployment);
          this.#runtime.parking.pump();
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

  /** A device can be used, or can no longer be used. */
  #standingChanged(): void {
    for (const generation of [...this.#generations()]) generation.placement.reconcile();
    for (const deployment of this.#deployments.values()) this.#review(deployment);
    this.#runtime.parking.pump();
  }

  /** Switches to a new plan that is ready, and says in what state the deployment is now. */
  #review(deployment: Deployment): void {
    if (this.#leaving.has(deployment)) return;
    const { next } = deployment;
    if (next && (next.placement.complete || (next.placement.viable && this.#isBetter(next, deployment)))) {
      deployment.switchTo(next);
    }
    const { placement } = deployment.active;
    const viable = placement.viable;
    // A plan that came back to fewer devices than it needs is not held back for devices that are gone.
    if (viable || placement.settled) deployment.everReady = true;
    const state: DeploymentState = !deployment.everReady
      ? 'distributing'
      : placement.complete
        ? 'ready'
        : viable
          ? 'degraded'
          : 'rescuing';
    if (state === deployment.state) return;
    deployment.state = state;
    deployment.reason =
      state === 'ready' ? null : `${placement.readySeats} of ${placement.seatCount} seats answer`;
    this.#announce(deployment);
  }

  /** A new plan with a gap takes over only where nothing will fill it, or the old one is worse off. */
  #isBetter(next: Generation, deployment: Deployment): boolean {
    return next.placement.settled || !deployment.active.placement.viable;
  }

  #announce(deployment: Deployment): void {
    const { name, state, reason } = deployment;
    this.#runtime.emit({ kind: 'deployment-state', deployment: name, state, reason });
  }
}

function following(request: number): number {
  return request >= UINT32 ? 1 : request + 1;
}
