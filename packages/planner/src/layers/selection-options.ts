import type { DeviceCapacity } from '../costs/costs.ts';
import type { PlanOptions } from '../plan.ts';

/** The options of a plan, with what is known when its layers are chosen. */
export interface SelectionOptions extends PlanOptions {
  /** Devices by seat, if known. */
  readonly seated?: readonly DeviceCapacity[];
  /** Whether the speeds of the seated devices differ. */
  readonly uneven?: boolean;
  /** Node indices of layers whose input is not divided, because all their weights do not fit on every device. */
  readonly weightsOnly?: ReadonlySet<number>;
  /** False if the splits "auto" must not use tiles, because their weights do not fit on every device. */
  readonly tiles?: boolean;
  /** False if the splits "auto" must not use slices, because their backups do not fit on the devices. */
  readonly slices?: boolean;
}
