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

/** What of a coordinator the rest of the simulation uses. */
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
  | 'quarantine'
  | 'nextTask'
>;

/** Breaks a coordinator on purpose, so that the checker can be checked. Both may do nothing. */
export interface Tampering {
  /** Changes what the coordinator has of the world. */
  ports?(ports: CoordinatorPorts, context: TamperingContext): CoordinatorPorts;
  /** Changes what the world has of the coordinator. */
  face?(coordinator: CoordinatorFace, context: TamperingContext): CoordinatorFace;
  /** Changes what a restarted data plane is told. */
  restore?(stored: StoredState): StoredState;
}

export interface TamperingContext {
  readonly devices: readonly VirtualDevice[];
  /** How many data planes there were before this one. */
  readonly restarts: number;
}

/** What the database holds, and a data plane that starts is told. */
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

/** One life of the data plane: the real coordinator with virtual ports. */
export class DataPlane implements NetworkListener {
  readonly coordinator: CoordinatorFace;
  readonly installer: VirtualInstaller;
  readonly engine: VirtualEngine;
  readonly startedAt: number;
  /** The coordinator's own timers; those of installs and engine runs are counted apart. */
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

  /** The process is killed: nothing of it goes on. */
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
    quarantine: (id, reason) => coordinator.quarantine(id, reason),
    get nextTask() {
      return coordinator.nextTask;
    },
  };
}
