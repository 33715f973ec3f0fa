import { type Costs, DEFAULT_COSTS } from './costs.ts';
import { explainPlan } from './explain.ts';
import type { Plan } from './plan.ts';
import type { ModelProfile } from './profile.ts';
import type { DeviceCapacity } from './seating.ts';

export interface StepPrediction {
  readonly step: string;
  /** By itself. */
  readonly ms: number;
  /** Bytes that the data plane sends and takes back for this step, to and from all seats. */
  readonly bytes: number;
}

export interface Prediction {
  readonly steps: readonly StepPrediction[];
  /** Milliseconds of a request on an idle, healthy fleet: less than its steps' where some run side by side. */
  readonly totalMs: number;
}

/**
 * Predicts how long one request takes, step by step, from the profile's measured times and the costs of a hop.
 * @param profile  of the model that the plan is for
 * @param seated   the device of each seat, as far as it is known
 */
export function predictLatency(
  profile: ModelProfile,
  plan: Plan,
  costs: Costs = DEFAULT_COSTS,
  seated: readonly (DeviceCapacity | undefined)[] = [],
): Prediction {
  const { steps, predictedMs } = explainPlan(profile, plan, seated, costs);
  return { steps: steps.map(({ step, ms, bytes }) => ({ step, ms, bytes })), totalMs: predictedMs };
}
