import { type Costs, DEFAULT_COSTS, type DeviceCapacity, isMemoryBound, layerMs, localMs } from './costs.ts';
import type { Plan, Seat, SeatSummary, Step } from './plan.ts';
import type { ModelProfile } from './profile.ts';
import { codedPart, replicaPart } from './seats.ts';
import { type SeatWork, stepTime, Timeline } from './timeline.ts';

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
   * From the start of the step to the seat's answer, including transfers and waiting for a shared machine.
   */
  readonly ms: number;
}

export interface StepExplanation {
  readonly step: string;
  readonly kind: Step['kind'];
  /** The layer's name or a summary of the nodes, to display. */
  readonly what: string;
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
  readonly coverage: number;
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
  seated: readonly (DeviceCapacity | undefined)[] = [],
  costs: Costs = DEFAULT_COSTS,
  pinned = true,
): PlanExplanation {
  const loads = plan.steps.map((step) => stepLoad(profile, step, seated, costs));
  const steps = loads.map((load) => explainStep(load, costs, pinned));
  const measured = plan.seats.every(({ seat }) => seated[seat]?.speed);
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
    notDistributed: plan.decisions
      .filter(({ distributed }) => !distributed)
      .map(({ layer, op, reason }) => ({ layer, op, reason })),
  };
}

/** Returns a step with its cost on the data plane or on each of its seats. */
function stepLoad(
  profile: ModelProfile,
  step: Step,
  seated: readonly (DeviceCapacity | undefined)[],
  costs: Costs,
) {
  if (step.kind === 'local') {
    const layers = step.nodes.map((node) => profile.layers[node]!);
    return {
      step,
      localMs: layers.reduce((sum, layer) => sum + localMs(profile, layer, costs), 0),
      weightsBytes: layers.reduce((sum, layer) => sum + layer.weightsBytes, 0),
      work: [],
    };
  }
  const work = step.seats.map((seat, position) => {
    const device = seated[seat];
    const part = step.kind === 'coded' ? codedPart(profile, step, position) : replicaPart(profile, step);
    const slowdown = device?.speed ? 1 : costs.deviceSlowdown;
    const msOf = (layers: typeof part.layers) =>
      layers.reduce((sum, layer) => sum + layerMs(profile, layer, device?.speed, costs), 0) *
      part.share *
      slowdown;
    const computeMs = msOf(part.layers);
    const speed = device?.speed;
    const memoryMs = speed ? msOf(part.layers.filter((layer) => isMemoryBound(layer, speed))) : 0;
    return { seat, device, part, computeMs, memoryMs, bytes: part.bytesIn + part.bytesOut, speed };
  });
  return { step, localMs: 0, weightsBytes: 0, work };
}

type StepLoad = ReturnType<typeof stepLoad>;

/** Returns the number of answers that a step waits for. */
function answersNeeded(step: Step): number {
  return step.kind === 'coded' ? step.dataShards : 1;
}

/** Simulates one request: each step starts when its inputs are ready, and queues for shared resources. */
function requestMs(loads: readonly StepLoad[], costs: Costs): number {
  const timeline = new Timeline(costs);
  const readyMs = new Map<string, number>();
  for (const { step, localMs, work } of loads) {
    const feeds = step.kind === 'coded' ? [step.feed] : step.feeds;
    const fetches = step.kind === 'coded' ? [step.fetch] : step.fetches;
    const startMs = Math.max(0, ...feeds.map((name) => readyMs.get(name) ?? 0));
    const doneMs =
      step.kind === 'local'
        ? timeline.local(startMs, localMs)
        : timeline.distributed(startMs, work satisfies readonly SeatWork[], answersNeeded(step)).ms;
    for (const name of fetches) readyMs.set(name, doneMs);
  }
  return Math.max(0, ...readyMs.values());
}

function explainStep(
  { step, localMs, weightsBytes, work }: StepLoad,
  costs: Costs,
  pinned: boolean,
): StepExplanation {
  if (step.kind === 'local') {
    const ms = costs.engineCallMs + localMs;
    return { step: step.id, kind: step.kind, what: step.summary, ms, weightsBytes, bytes: 0, seats: [] };
  }
  const { ms, seatMs } = stepTime(work, answersNeeded(step), costs);
  return {
    step: step.id,
    kind: step.kind,
    what: step.kind === 'coded' ? step.layer : step.summary,
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
      ms: seatMs[position]!,
    })),
  };
}
