import {
  Coordinator,
  type CoordinatorEvent,
  type CoordinatorOptions,
  type CoordinatorPorts,
  type DeployRequest,
  type DeviceId,
} from '@sparewheel/coordinator';
import type { Artifact } from '@sparewheel/planner';
import type { Kernel } from './synthetic-model.ts';
import type { Trace } from './trace.ts';
import { LifeClock, type VirtualClock } from './virtual-clock.ts';
import type { VirtualDevice } from './virtual-device.ts';
import { VirtualEngine } from './virtual-engine.ts';
import { VirtualInstaller } from './virtual-installer.ts';
import type { NetworkListener, VirtualNetwork } from './virtual-network.ts';

/** The part of a coordinator that the simulation uses. */
export type CoordinatorFace = Pick<
  Coordinator,
  | 'deploy'
  | 'undeploy'
  | 'setPolicy'
  | 'infer'
  | 'snapshot'
  | 'deviceConnected'
  | 'deviceDisconnected'
  | 'receive'
  | 'reportComputing'
  | 'quarantine'
  | 'nextTask'
>;

/** Breaks a coordinator on purpose, to test the checker. Each function is optional. */
export interface Tampering {
  /** Changes the coordinator's ports. */
  ports?(ports: CoordinatorPorts, context: TamperingContext): CoordinatorPorts;
  /** Changes the coordinator's functions. */
  face?(coordinator: CoordinatorFace, context: TamperingContext): CoordinatorFace;
  /** Changes the stored state that a restarted data plane reads. */
  restore?(stored: StoredState): StoredState;
}

export interface TamperingContext {
  readonly devices: readonly VirtualDevice[];
  /** The number of restarts before this data plane. */
  readonly restarts: number;
}

/** The stored state that a data plane reads when it starts. */
export interface StoredState {
  readonly deployments: ReadonlyMap<string, DeployRequest>;
  readonly firstTask: number;
}

export interface DataPlaneParts {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  readonly trace: Trace;
  readonly options: Partial<CoordinatorOptions>;
  readonly engineMs: number;
  readonly kernelOf: (artifact: Artifact) => Kernel;
  readonly emit: (event: CoordinatorEvent) => void;
  readonly tampering: Tampering;
  readonly context: TamperingContext;
}

/** A data plane from its start to its end: the real coordinator with virtual ports. */
export class DataPlane implements NetworkListener {
  readonly coordinator: CoordinatorFace;
  readonly installer: VirtualInstaller;
  readonly engine: VirtualEngine;
  readonly startedAt: number;
  /** The coordinator's own timers, without those of installs and engine runs. */
  readonly timers: LifeClock;
  readonly #othersTimers: LifeClock;

  constructor(
    readonly parts: DataPlaneParts,
    stored: StoredState,
  ) {
    const { clock, network, trace, tampering, context } = parts;
    this.startedAt = clock.now();
    this.timers = new LifeClock(clock);
    this.#othersTimers = new LifeClock(clock);
    this.installer = new VirtualInstaller(clock, this.#othersTimers, network, trace);
    this.engine = new VirtualEngine(clock, this.#othersTimers, parts.engineMs, parts.kernelOf);
    const restored = tampering.restore?.(stored) ?? stored;
    const ports: CoordinatorPorts = {
      clock: this.timers,
      transport: network,
      compute: this.engine,
      installer: this.installer,
      emit: (event) => {
        clock.touch();
        parts.emit(event);
      },
      options: {
        ...parts.options,
        firstTask: restored.firstTask,
        holds: (device, sha256) => this.installer.holds(device, sha256),
      },
    };
    const coordinator = new Coordinator(tampering.ports?.(ports, context) ?? ports);
    const face = faceOf(coordinator);
    this.coordinator = tampering.face?.(face, context) ?? face;
    for (const deployment of restored.deployments.values()) this.coordinator.deploy(deployment);
    clock.touch();
  }

  connected(device: VirtualDevice): void {
    this.installer.deviceHolds(device);
    this.coordinator.deviceConnected(device.id);
    this.parts.clock.touch();
  }

  disconnected(device: VirtualDevice, reason: string): void {
    this.coordinator.deviceDisconnected(device.id, reason);
    this.parts.clock.touch();
  }

  received(device: VirtualDevice, message: Parameters<Coordinator['receive']>[1]): void {
    this.coordinator.receive(device.id, message);
  }

  computing(device: VirtualDevice, computations: Parameters<Coordinator['reportComputing']>[1]): void {
    this.coordinator.reportComputing(device.id, computations);
  }

  /** Kills the process: all of its timers and connections end. */
  kill(): void {
    this.parts.network.cut();
    this.timers.end();
    this.#othersTimers.end();
  }
}

function faceOf(coordinator: Coordinator): CoordinatorFace {
  return {
    deploy: (request) => coordinator.deploy(request),
    undeploy: (name) => coordinator.undeploy(name),
    setPolicy: (name, policy) => coordinator.setPolicy(name, policy),
    infer: (name, feeds, options) => coordinator.infer(name, feeds, options),
    snapshot: () => coordinator.snapshot(),
    deviceConnected: (id: DeviceId) => coordinator.deviceConnected(id),
    deviceDisconnected: (id, reason) => coordinator.deviceDisconnected(id, reason),
    receive: (id, message) => coordinator.receive(id, message),
    reportComputing: (id, computations) => coordinator.reportComputing(id, computations),
    quarantine: (id, reason) => coordinator.quarantine(id, reason),
    get nextTask() {
      return coordinator.nextTask;
    },
  };
}
