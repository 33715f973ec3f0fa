import type { Costs } from './costs.ts';
import type { LayerChoice, Strategy } from './plan.ts';
import type { DeviceCapacity } from './seating.ts';

export interface PlanOptions {
  /** Data shards of every distributed layer; with the strategy `replicated`, stages that the model is cut into. */
  readonly k: number;
  /**
   * Parity shards of every distributed layer, and replicas of every stage: devices of a group that may fail at once
   * without a loss. Ignored where the strategy is `uncoded`.
   */
  readonly r: number;
  readonly strategy: Strategy;
  readonly layers: LayerChoice;
  /** The devices at hand; a plan is made without regard to them where they are not given. */
  readonly devices?: readonly DeviceCapacity[];
  /** For `layers: "auto"`. */
  readonly costs?: Costs;
}
