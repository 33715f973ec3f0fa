import type { CoordinatorSnapshot, Policy } from '@sparewheel/coordinator';
import type { Plan } from '@sparewheel/planner';
import type { Checker } from './checker.ts';
import type { DataPlane } from './data-plane.ts';
import type { Health } from './health.ts';
import type { Scenario } from './scenario.ts';
import type { Store } from './store.ts';
import type { SyntheticModel } from './synthetic-model.ts';
import type { VirtualClock } from './virtual-clock.ts';
import type { VirtualDevice } from './virtual-device.ts';
import type { VirtualNetwork } from './virtual-network.ts';

/** A deployment that serves or will serve. */
export interface LiveDeployment {
  readonly name: string;
  readonly width: number;
  policy: Policy;
  /** The plan that serves new requests, and the latest deployed plan. */
  active: { readonly model: SyntheticModel; readonly plan: Plan };
  latest: { readonly model: SyntheticModel; readonly plan: Plan };
  everReady: boolean;
}

/** The part of the simulated world that a checker reads. */
export interface ObservedWorld {
  readonly scenario: Scenario;
  readonly clock: VirtualClock;
  readonly devices: readonly VirtualDevice[];
  readonly network: VirtualNetwork;
  readonly store: Store;
  readonly health: Health;
  readonly checker: Checker;
  readonly deployments: ReadonlyMap<string, LiveDeployment>;
  readonly plane: DataPlane | null;
  /** The number of restarts of the data plane. */
  readonly restarts: number;
  device(id: string): VirtualDevice | undefined;
  /** Takes a snapshot of the coordinator and records which plans serve now. */
  observeSwitches(): CoordinatorSnapshot;
}
