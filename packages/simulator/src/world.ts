import type { CoordinatorEvent, DeployRequest, Policy } from '@sparewheel/coordinator';
import type { Artifact } from '@sparewheel/planner';
import type { ComputeRequest } from '@sparewheel/protocol';
import type { Random } from '@sparewheel/runtime/random';
import { Checker } from './checker.ts';
import { CorruptionOracle } from './corruption-oracle.ts';
import { DataPlane, type Tampering } from './data-plane.ts';
import { Health } from './health.ts';
import { LivenessChecker } from './liveness-checker.ts';
import type { LiveDeployment, ObservedWorld } from './observed-world.ts';
import { type DeploymentScenario, deployRequest, drawTraits, MIRRORED, type Scenario } from './scenario.ts';
import { Store } from './store.ts';
import type { Kernel, SyntheticModel } from './synthetic-model.ts';
import type { Trace } from './trace.ts';
import type { VirtualClock } from './virtual-clock.ts';
import { type DeviceTraits, VirtualDevice } from './virtual-device.ts';
import { VirtualNetwork } from './virtual-network.ts';

/** The parts of a simulation, and the actions that involve several of them. */
export class World implements ObservedWorld {
  readonly devices: VirtualDevice[] = [];
  readonly network: VirtualNetwork;
  readonly store = new Store();
  readonly health: Health;
  readonly corruptionOracle: CorruptionOracle;
  readonly checker: Checker;
  readonly livenessChecker: LivenessChecker;
  readonly deployments = new Map<string, LiveDeployment>();
  readonly models: SyntheticModel[] = [];
  /** null while the data plane is down. */
  plane: DataPlane | null = null;
  restarts = 0;
  readonly #random: Random;

  constructor(
    readonly scenario: Scenario,
    readonly clock: VirtualClock,
    readonly trace: Trace,
    readonly tampering: Tampering,
    random: Random,
  ) {
    this.#random = random;
    const cap = scenario.options.inFlightPerDevice!;
    this.health = new Health(clock);
    this.corruptionOracle = new CorruptionOracle(scenario.corrupters, clock, cap);
    this.checker = new Checker(clock, scenario, this.health, this.corruptionOracle);
    this.network = new VirtualNetwork(clock, random.fork(), trace, this.corruptionOracle);
    this.livenessChecker = new LivenessChecker(this);
    for (const { model } of scenario.deployments) this.models.push(model);
    for (const traits of scenario.devices) this.addDevice(traits);
  }

  addDevice(traits = drawTraits(this.#random)): VirtualDevice {
    const kernelOf = (artifact: Artifact) => this.kernelOf(artifact);
    const observer = {
      batched: (requests: readonly ComputeRequest[]) => this.checker.batched(requests),
      lied: (
        device: VirtualDevice,
        { request, task }: { request: number; task: number },
        told: { artifact: Artifact },
      ) => {
        const k = this.models
          .map((model) => model.dataShardsOf(told.artifact))
          .find((found) => found !== null);
        this.corruptionOracle.lied(device, request, task, k ?? null);
      },
    };
    const id = `device-${this.devices.length}`;
    const device = new VirtualDevice(
      id,
      traits,
      this.clock,
      this.#random.fork(),
      kernelOf,
      observer,
      (artifact) => this.#heavyMs(artifact),
    );
    for (const way of ['toDevice', 'fromDevice'] as const) {
      device.link[way].duplicateProbability = this.scenario.duplicateProbability;
      device.link[way].reorder = this.scenario.reorder;
    }
    this.devices.push(device);
    this.network.add(device);
    device.start();
    return device;
  }

  device(id: string): VirtualDevice | undefined {
    return this.devices.find((device) => device.id === id);
  }

  kernelOf(artifact: Artifact): Kernel {
    for (const model of this.models) {
      const kernel = model.kernel(artifact);
      if (kernel) return kernel;
    }
    throw new Error(`no model has a file ${artifact.graph.sha256}`);
  }

  #heavyMs(artifact: Artifact): DeviceTraits['computeMs'] | null {
    const { heavy } = this.scenario;
    return heavy?.model.kernel(artifact) ? heavy.computeMs : null;
  }

  /** Connects a device after a delay. Retries while its link is partitioned or no data plane listens. */
  connectSoon(device: VirtualDevice, delayMs: number): void {
    const { life } = device;
    this.clock.schedule(delayMs, () => {
      if (device.life !== life || life === null) return;
      if (this.network.connected(device)) return;
      if (device.paused || !this.network.reachable(device)) this.connectSoon(device, 500);
      else {
        this.network.connect(device);
        this.livenessChecker.returned(device);
      }
    });
  }

  /** Starts a data plane with the stored state. */
  startPlane(): void {
    const { clock, network, trace, scenario, tampering } = this;
    const plane = new DataPlane(
      {
        clock,
        network,
        trace,
        options: scenario.options,
        engineMs: scenario.engineMs,
        kernelOf: (artifact) => this.kernelOf(artifact),
        emit: (event) => this.#happened(event),
        tampering,
        context: { devices: this.devices, restarts: this.restarts },
      },
      this.store,
    );
    this.plane = plane;
    network.listen({
      connected: (device) => plane.connected(device),
      disconnected: (device, reason) => plane.disconnected(device, reason),
      received: (device, message) => {
        const corruptersPresent = this.devices.some(({ lie }) => lie !== null);
        this.corruptionOracle.delivered(device, message, corruptersPresent, () =>
          plane.coordinator.snapshot(),
        );
        plane.received(device, message);
      },
      computing: (device, computations) => plane.computing(device, computations),
    });
    trace.note('data plane up', 'data plane', this.restarts);
    for (const device of this.devices) this.connectSoon(device, this.#random.between(5, 2_000));
    this.livenessChecker.planeStarted();
  }

  /** Kills the data plane (SIGKILL). Its requests fail with their connections. */
  killPlane(): void {
    this.plane?.kill();
    this.plane = null;
    this.restarts++;
    for (const device of this.devices) this.health.disturbed(device);
    for (const deployment of this.deployments.values()) {
      deployment.active = deployment.latest;
      deployment.everReady = false;
    }
    this.checker.planeEnded();
    this.trace.note('data plane killed', 'data plane', this.restarts);
  }

  deploy(request: DeployRequest, model: SyntheticModel, width: number): void {
    const { coordinator } = this.plane!;
    const { name, policy, plan } = request;
    this.observeSwitches();
    const existing = this.deployments.get(name);
    // Stored at once, as the control plane does: after a kill, the new plan is restored.
    coordinator.deploy(request);
    this.store.deployed(request, coordinator.nextTask);
    if (existing) {
      existing.policy = policy;
      existing.latest = { model, plan };
      if (!existing.everReady) existing.active = existing.latest;
    } else {
      const both = { model, plan };
      this.deployments.set(name, { name, width, policy, active: both, latest: both, everReady: false });
    }
    this.clock.touch();
    this.trace.note(
      'deploy',
      name,
      plan.k,
      plan.r,
      () => `${plan.strategy} ${plan.steps.map(({ kind }) => kind).join(' ')}`,
    );
    this.observeSwitches();
  }

  deployScenario({ name, width, model, plan, policy }: DeploymentScenario): void {
    const seats = this.devices.slice(0, plan.seats.length).map(({ id }) => id);
    this.deploy(deployRequest(name, model, plan, policy, seats), model, width);
  }

  deployMirror({ model, plan, policy, name }: DeploymentScenario): void {
    const { coordinator } = this.plane!;
    const seats = this.devices.slice(0, plan.seats.length).map(({ id }) => id);
    const request = { ...deployRequest(name, model, plan, policy, seats), mirrorOf: MIRRORED };
    coordinator.deploy(request);
    this.store.deployed(request, coordinator.nextTask);
    this.trace.note('mirror', name, plan.k, plan.r, () => plan.strategy);
  }

  undeploy(name: string): void {
    this.plane!.coordinator.undeploy(name).catch((error: Error) =>
      this.checker.complain('g: a restart restores everything', error.message),
    );
    this.deployments.delete(name);
    this.store.undeployed(name);
    this.clock.touch();
    this.trace.note('undeploy', name);
  }

  setPolicy(name: string, policy: Policy): void {
    this.plane!.coordinator.setPolicy(name, policy);
    this.store.policyChanged(name, policy);
    this.deployments.get(name)!.policy = policy;
    this.trace.note('policy', name, 0, 0, () => JSON.stringify(policy));
  }

  /** Records which rolling changes are complete. @returns the coordinator's snapshot */
  observeSwitches() {
    const snapshot = this.plane!.coordinator.snapshot();
    for (const { name, nextSeats, state } of snapshot.deployments) {
      const deployment = this.deployments.get(name);
      if (!deployment) continue;
      if (nextSeats === null) deployment.active = deployment.latest;
      if (state !== 'distributing') deployment.everReady = true;
    }
    return snapshot;
  }

  #happened(event: CoordinatorEvent): void {
    if ('device' in event) this.trace.note(event.kind, event.device ?? '');
    else this.trace.note(event.kind, event.deployment, 0, 0, () => JSON.stringify(event, withoutPlan));
    this.store.happened(event);
    this.checker.happened(event, (id) => !this.device(id)?.everLied);
    this.livenessChecker.happened(event);
  }
}

/** Leaves the program out of the trace: every settled request contains all of it. */
function withoutPlan(key: string, value: unknown): unknown {
  return key === 'program' ? undefined : value;
}
