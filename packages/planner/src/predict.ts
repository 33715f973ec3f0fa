import { type Costs, DEFAULT_COSTS, distributedMs, localMs, tensorBytes } from './costs.ts';
import type { Plan, Step } from './plan.ts';
import type { ModelProfile } from './profile.ts';

export interface StepPrediction {
  readonly step: string;
  readonly ms: number;
  /** Bytes that the data plane sends and takes back for this step, to and from all seats. */
  readonly bytes: number;
}

export interface Prediction {
  readonly steps: readonly StepPrediction[];
  /** Milliseconds of a request on an idle, healthy fleet: steps follow one another. */
  readonly totalMs: number;
}

/**
 * Predicts how long one request takes, step by step, from the profile's measured times and the costs of a hop.
 * @param profile  of the model that the plan is for
 */
export function predictLatency(profile: ModelProfile, plan: Plan, costs: Costs = DEFAULT_COSTS): Prediction {
  const steps = plan.steps.map((step) => ({
    step: step.id,
    ms: stepMs(profile, step, costs),
    bytes: stepBytes(profile, step),
  }));
  return { steps, totalMs: steps.reduce((sum, { ms }) => sum + ms, 0) };
}

function stepMs(profile: ModelProfile, step: Step, costs: Costs): number {
  if (step.kind === 'coded') {
    const layer = profile.layers[step.node]!;
    const share = step.height / layer.coding!.rows;
    return distributedMs(profile, layer, step.seats.length, share, costs);
  }
  const computeMs = step.nodes.reduce((sum, node) => sum + localMs(profile.layers[node]!, costs), 0);
  if (step.kind === 'local') return computeMs;
  return costs.hopMs + stepBytes(profile, step) / costs.bytesPerMs + computeMs * costs.deviceSlowdown;
}

function stepBytes(profile: ModelProfile, step: Step): number {
  if (step.kind === 'local') return 0;
  if (step.kind === 'coded') {
    const share = step.height / profile.layers[step.node]!.coding!.rows;
    return step.seats.length * (tensorBytes(profile, step.feed) + share * tensorBytes(profile, step.fetch));
  }
  const names = [...step.feeds, ...step.fetches];
  return step.seats.length * names.reduce((sum, name) => sum + tensorBytes(profile, name), 0);
}
