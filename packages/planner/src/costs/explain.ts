import type { DividedHow, Plan, Predictions, Seat, SeatSummary, Step } from '../plan.ts';
import type { ModelProfile } from '../profile.ts';
import { mergesParts, partOf } from '../steps/parts.ts';
import { type Costs, DEFAULT_COSTS } from './costs.ts';
import { answersNeeded, requestMs, type Seated, type StepLoad, stepLoad } from './predict.ts';
import { stepTime } from './timeline.ts';

/** The load of one seat for one request, in one step or in all steps. */
export interface SeatExplanation {
  readonly seat: Seat;
  /** The device's id if the plan depends on which device has the seat, else null. */
  readonly device: string | null;
  readonly weightsBytes: number;
  readonly multiplyAdds: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Time in the engine. */
  readonly computeMs: number;
  /**
   * From the start of the step to the seat's answer, including transfers and waiting for a shared machine. 0 for
   * the backup of a tile or slice, which computes only if the first seat is late or gone.
   */
  readonly ms: number;
}

export interface StepExplanation {
  readonly step: string;
  readonly kind: Step['kind'];
  /** The layer's name or a summary of the nodes, to display. */
  readonly what: string;
  /** What the step divides, and the reason. */
  readonly split?: DividedHow;
  readonly splitReason?: string;
  /** What the failure of one device costs in this step, as a sentence to display. Absent in older versions. */
  readonly failure?: string;
  /** Time until enough answers are in, if the step runs alone on an idle, healthy fleet. */
  readonly ms: number;
  /** Weights that the data plane holds for a local step. */
  readonly weightsBytes?: number;
  /** Total transfer to and from all seats. */
  readonly bytes: number;
  readonly seats: readonly SeatExplanation[];
}

export interface SeatTotal extends Omit<SeatExplanation, 'ms'> {
  readonly role: SeatSummary['role'];
  /** Memory of the seat's device, if both are known. */
  readonly memoryBytes: number | null;
}

export interface PlanExplanation {
  /** Latency of one request on an idle, healthy fleet. */
  readonly predictedMs: number;
  /** Weights of the local steps. */
  readonly dataPlaneWeightsBytes: number;
  /** False if any figure is a default instead of a measurement. */
  readonly measured: boolean;
  readonly steps: readonly StepExplanation[];
  readonly seats: readonly SeatTotal[];
  readonly coverage: number | null;
  /** This plan, one device alone, and the data plane alone. Absent in plans of older versions. */
  readonly predictions?: Predictions;
  /** Why no layer is divided; null if a layer is divided. */
  readonly runsWhole: string | null;
  /** Linear layers that are not divided, with the reason. */
  readonly notDistributed: readonly {
    readonly layer: string;
    readonly op: string;
    readonly reason: string;
  }[];
}

/**
 * Explains a plan: what every step and seat stores, computes and transfers, and the predicted times.
 * @param profile  profile of the plan's model
 * @param seated  devices by seat, as far as known
 * @param pinned  whether the plan requires these devices on these seats; if not, they only serve as examples
 */
export function explainPlan(
  profile: ModelProfile,
  plan: Plan,
  seated: Seated = [],
  costs: Costs = DEFAULT_COSTS,
  pinned = true,
): PlanExplanation {
  const loads = plan.steps.map((step) => stepLoad(profile, step, seated, costs));
  const steps = loads.map((load) => ({
    ...explainStep(load, costs, pinned),
    ...splitOf(profile, plan, load.step),
  }));
  const measured = plan.seats.every(({ seat }) => {
    const speed = seated[seat]?.speed;
    return speed && !speed.assumed;
  });
  return {
    predictedMs: requestMs(loads, costs),
    dataPlaneWeightsBytes: steps.reduce((sum, { weightsBytes = 0 }) => sum + weightsBytes, 0),
    measured: Boolean(measured && profile.speed),
    steps,
    seats: plan.seats.map((summary) => ({
      ...summary,
      device: pinned ? (seated[summary.seat]?.id ?? null) : null,
      memoryBytes: seated[summary.seat]?.memoryBytes ?? null,
      computeMs: steps.reduce(
        (sum, step) => sum + (step.seats.find(({ seat }) => seat === summary.seat)?.computeMs ?? 0),
        0,
      ),
    })),
    coverage: plan.coverage,
    ...(plan.predictions ? { predictions: plan.predictions } : {}),
    runsWhole: plan.runsWhole ?? null,
    notDistributed: plan.decisions
      .filter(({ distributed }) => !distributed)
      .map(({ layer, op, reason }) => ({ layer, op, reason })),
  };
}

/** Returns what a step divides, with the reason. */
function splitOf(
  { layers }: ModelProfile,
  { decisions }: Plan,
  step: Step,
): Pick<StepExplanation, 'split' | 'splitReason'> {
  if (step.kind === 'replicated' && step.tile) return { split: 'tiles' };
  if (step.kind === 'replicated' && step.slice) {
    const names = new Set(step.nodes.map((node) => layers[node]!.name));
    const reason = decisions.find(({ layer, split }) => split === 'slices' && names.has(layer))?.splitReason;
    return { split: 'slices', ...(reason ? { splitReason: reason } : {}) };
  }
  if (step.kind !== 'coded') return {};
  const decision = decisions.find(({ layer, distributed }) => distributed && layer === step.layer);
  return {
    split: step.split ?? 'weights',
    ...(decision?.splitReason ? { splitReason: decision.splitReason } : {}),
  };
}

/** Describes what the failure of one device costs in a step. */
function failureOf(step: Step): string {
  switch (step.kind) {
    case 'local':
      return 'It runs on the data plane, and no device can delay it.';
    case 'coded':
      return step.parityShards === 0
        ? 'It has no parity: the missing shard is computed again.'
        : 'One subtraction recovers the missing shard; no answer is waited for.';
    case 'replicated':
      if (step.seats.length === 1) return 'It has no replica: the step is computed again.';
      return partOf(step)
        ? `A backup computes the ${step.tile ? 'tile' : 'slice'}: the step takes up to twice as long until the failure is known, then no longer.`
        : 'Nothing: the answer of a replica counts.';
  }
}

function explainStep(
  { step, localMs, weightsBytes, work }: StepLoad,
  costs: Costs,
  pinned: boolean,
): StepExplanation {
  if (step.kind === 'local') {
    const ms = mergesParts(step) ? localMs : costs.engineCallMs + localMs;
    return {
      step: step.id,
      kind: step.kind,
      what: step.summary,
      failure: failureOf(step),
      ms,
      weightsBytes,
      bytes: 0,
      seats: [],
    };
  }
  const { ms, seatMs } = stepTime(
    work.filter(({ backup }) => !backup),
    answersNeeded(step),
    costs,
  );
  return {
    step: step.id,
    kind: step.kind,
    what: step.kind === 'coded' ? step.layer : step.summary,
    failure: failureOf(step),
    ms,
    bytes: work.reduce((sum, { bytes }) => sum + bytes, 0),
    seats: work.map(({ seat, device, part, computeMs }, position) => ({
      seat,
      device: pinned ? (device?.id ?? null) : null,
      weightsBytes: part.weightsBytes,
      multiplyAdds: part.multiplyAdds,
      bytesIn: part.bytesIn,
      bytesOut: part.bytesOut,
      computeMs,
      ms: seatMs[position] ?? 0,
    })),
  };
}
