import { type Costs, DEFAULT_COSTS, isMemoryBound, layerMs, localMs, tensorBytes } from './costs.ts';
import type { Plan, Seat, SeatSummary, Step } from './plan.ts';
import type { ModelProfile } from './profile.ts';
import { type SeatWork, stepTime, Timeline } from './seat-times.ts';
import type { DeviceCapacity } from './seating.ts';
import { shardRows } from './steps.ts';

/** What one seat does for one request, in one step or in all. */
export interface SeatExplanation {
  readonly seat: Seat;
  /** The device's id where the plan depends on which one sits there; null where any may. */
  readonly device: string | null;
  readonly weightsBytes: number;
  readonly multiplyAdds: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** In its engine. */
  readonly computeMs: number;
  /** From the beginning of the step to its answer: sending, computing, answering, on a shared machine waiting. */
  readonly ms: number;
}

export interface StepExplanation {
  readonly step: string;
  readonly kind: Step['kind'];
  /** The layer, or the nodes, for people. */
  readonly what: string;
  /** Milliseconds, by itself on an idle and healthy fleet, with enough answers in. */
  readonly ms: number;
  /** Of a local step: what the data plane holds for it. */
  readonly weightsBytes?: number;
  /** To and from all seats together. */
  readonly bytes: number;
  readonly seats: readonly SeatExplanation[];
}

export interface SeatTotal extends Omit<SeatExplanation, 'ms'> {
  readonly role: SeatSummary['role'];
  /** Of the device, where it is known which, and how much it has. */
  readonly memoryBytes: number | null;
}

export interface PlanExplanation {
  /** Milliseconds of a request on an idle, healthy fleet: a step starts when what it reads is there. */
  readonly predictedMs: number;
  /** Bytes of weights of the local steps, which the data plane holds. */
  readonly dataPlaneWeightsBytes: number;
  /** Whether devices and links were measured, or taken for granted. */
  readonly measured: boolean;
  readonly steps: readonly StepExplanation[];
  readonly seats: readonly SeatTotal[];
  readonly coverage: number;
  /** Linear layers that stay on the data plane or are computed whole, and why. */
  readonly notDistributed: readonly {
    readonly layer: string;
    readonly op: string;
    readonly reason: string;
  }[];
}

/**
 * Explains a plan: what every step and seat holds, computes and moves, and how long that should take.
 * @param profile  of the model that the plan is for
 * @param seated   the device of each seat, as far as it is known
 * @param pinned   whether it has to be that one; else it stands for any of its kind
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

/** A step with what it costs the data plane, or each of its seats. */
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
    const part = step.kind === 'coded' ? codedPart(profile, step, position) : wholePart(profile, step);
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

/** Answers that a step waits for. */
function needed(step: Step): number {
  return step.kind === 'coded' ? step.dataShards : 1;
}

/** Runs a request through the steps in time: each starts when what it reads is there, and queues for what is shared. */
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
        : timeline.distributed(startMs, work satisfies readonly SeatWork[], needed(step)).ms;
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
  const { ms, seatMs } = stepTime(work, needed(step), costs);
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

/** One shard of a coded layer. */
export function codedPart(profile: ModelProfile, step: Extract<Step, { kind: 'coded' }>, shard: number) {
  const layer = profile.layers[step.node]!;
  const coding = layer.coding!;
  const rows = shardRows(step, shard);
  const share = rows / coding.rows;
  return {
    layers: [layer],
    share,
    weightsBytes: coding.bytesPerRow * rows,
    multiplyAdds: Math.round(step.multiplyAdds * share),
    bytesIn: tensorBytes(profile, step.feed),
    // What is computed may be shorter, what is sent is not: answers are padded to one height.
    bytesOut: Math.round((tensorBytes(profile, step.fetch) * step.height) / coding.rows),
  };
}

/** One replica of a stage. */
export function wholePart(profile: ModelProfile, step: Extract<Step, { kind: 'replicated' }>) {
  const layers = step.nodes.map((node) => profile.layers[node]!);
  return {
    layers,
    share: 1,
    weightsBytes: layers.reduce((sum, layer) => sum + layer.weightsBytes, 0),
    multiplyAdds: layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0),
    bytesIn: step.feeds.reduce((sum, name) => sum + tensorBytes(profile, name), 0),
    bytesOut: step.fetches.reduce((sum, name) => sum + tensorBytes(profile, name), 0),
  };
}
