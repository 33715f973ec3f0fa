import type { PlanPrediction, Prediction, Predictions, Step } from '../plan.ts';
import type { LayerProfile, ModelProfile } from '../profile.ts';
import { codedPart, replicaPart } from '../seats/seats.ts';
import { isBackup, mergesParts, partOf } from '../steps/parts.ts';
import {
  COPY_BYTES_PER_MS,
  type Costs,
  type DeviceCapacity,
  isMemoryBound,
  layerMs,
  localMs,
  readWeightsMs,
  tensorBytes,
} from './costs.ts';
import { type SeatWork, stepTime, Timeline } from './timeline.ts';

/** Devices by seat, as far as known. */
export type Seated = readonly (DeviceCapacity | undefined)[];

/** Returns a step with its cost on the data plane or on each of its seats. */
export function stepLoad(profile: ModelProfile, step: Step, seated: Seated, costs: Costs) {
  if (step.kind === 'local' && mergesParts(step)) {
    const bytes = (step.adds ? step.feeds.map(() => step.fetches[0]!) : step.fetches).reduce(
      (sum, name) => sum + tensorBytes(profile, name),
      0,
    );
    return { step, localMs: bytes / COPY_BYTES_PER_MS, weightsBytes: 0, work: [] };
  }
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
    if (isBackup(step, position)) {
      const idle = { ...part, multiplyAdds: 0, bytesIn: 0, bytesOut: 0 };
      return { ...idleWork(seat, device), device, part: idle, backup: true };
    }
    const bytes = part.bytesIn + part.bytesOut;
    const work = deviceWork(profile, seat, device, part.layers, part.share, bytes, costs);
    const leastMs =
      step.kind === 'coded' && step.pieces ? readWeightsMs(part.layers[0]!, device?.speed, costs) : 0;
    return { ...work, computeMs: Math.max(work.computeMs, leastMs), device, part, backup: false };
  });
  return { step, localMs: 0, weightsBytes: 0, work };
}

export type StepLoad = ReturnType<typeof stepLoad>;

function idleWork(seat: number, device: DeviceCapacity | undefined) {
  return { seat, computeMs: 0, memoryMs: 0, bytes: 0, speed: device?.speed };
}

/**
 * Returns the work of one device in one step: a share of some layers.
 * @param share  of each layer; a list for tiles, which need all weights of each layer
 */
export function deviceWork(
  profile: ModelProfile,
  seat: number,
  device: DeviceCapacity | undefined,
  layers: readonly LayerProfile[],
  share: number | readonly number[],
  bytes: number,
  costs: Costs,
): SeatWork & { readonly memoryMs: number } {
  const speed = device?.speed;
  const slowdown = speed ? 1 : costs.deviceSlowdown;
  let computeMs = 0;
  let memoryMs = 0;
  for (const [index, layer] of layers.entries()) {
    const wholeMs = layerMs(profile, layer, speed, costs) * slowdown;
    const ms =
      typeof share === 'number'
        ? wholeMs * share
        : Math.max(wholeMs * share[index]!, Math.min(wholeMs, readWeightsMs(layer, speed, costs)));
    computeMs += ms;
    if (speed && isMemoryBound(layer, speed)) memoryMs += ms;
  }
  return { seat, computeMs, memoryMs, bytes, speed };
}

/** Returns the number of answers that a step waits for. */
export function answersNeeded(step: Step): number {
  return step.kind === 'coded' ? step.dataShards : 1;
}

/** Simulates one request: each step starts when its inputs are ready, and queues for shared resources. */
export function requestMs(loads: readonly StepLoad[], costs: Costs): number {
  const timeline = new Timeline(costs);
  const readyMs = new Map<string, number>();
  for (const { step, localMs, work } of loads) {
    const feeds = step.kind === 'coded' ? [step.feed] : step.feeds;
    const fetches = step.kind === 'coded' ? [step.fetch] : step.fetches;
    const startMs = Math.max(0, ...feeds.map((name) => readyMs.get(name) ?? 0));
    if (step.kind === 'local') {
      const doneMs = mergesParts(step) ? startMs + localMs : timeline.local(startMs, localMs);
      for (const name of fetches) readyMs.set(name, doneMs);
      continue;
    }
    const part = partOf(step);
    if (part) {
      // The parts of a result start together, so they are one step of several devices here.
      if (readyMs.has(fetches[0]!)) continue;
      const others = loads.filter((load) => partOf(load.step)?.fetch === part.fetch);
      const working = others.flatMap(({ work }) => work.filter(({ backup }) => !backup));
      const doneMs = timeline.distributed(startMs, working, part.parts).ms;
      for (const { step } of others) {
        if (step.kind === 'replicated') for (const name of step.fetches) readyMs.set(name, doneMs);
      }
      continue;
    }
    const doneMs = timeline.distributed(startMs, work satisfies readonly SeatWork[], answersNeeded(step)).ms;
    for (const name of fetches) readyMs.set(name, doneMs);
  }
  return Math.max(0, ...readyMs.values());
}

/** Predicts the time of one request through a list of steps, in milliseconds. */
export function predictStepsMs(
  profile: ModelProfile,
  steps: readonly Step[],
  seated: Seated,
  costs: Costs,
): number {
  return requestMs(
    steps.map((step) => stepLoad(profile, step, seated, costs)),
    costs,
  );
}

/** Predicts one request through a list of steps, and the answers of each step's devices. */
export function predictSteps(
  profile: ModelProfile,
  steps: readonly Step[],
  seated: Seated,
  costs: Costs,
): PlanPrediction {
  const loads = steps.map((step) => stepLoad(profile, step, seated, costs));
  const bytes = loads.flatMap(({ work }) => work).reduce((sum, work) => sum + work.bytes, 0);
  const answerMs: Record<string, number> = {};
  for (const { step, work } of loads) {
    if (step.kind === 'local') continue;
    const working = work.filter(({ backup }) => !backup);
    answerMs[step.id] = stepTime(working, working.length, costs).ms;
  }
  return { ms: requestMs(loads, costs), megabytes: bytes / 1e6, answerMs };
}

/** The two ways to run a model without dividing it. */
export type Undivided = Omit<Predictions, 'plan'>;

/**
 * Predicts the whole model on the data plane, and on the fastest device whose memory holds it. Without known
 * devices, assumes one with the default figures.
 * @param dataPlaneMemoryBytes  unlimited if undefined
 */
export function predictUndivided(
  profile: ModelProfile,
  devices: readonly DeviceCapacity[] | undefined,
  costs: Costs,
  dataPlaneMemoryBytes = Number.POSITIVE_INFINITY,
): Undivided {
  const dataPlaneMs =
    costs.engineCallMs + profile.layers.reduce((sum, layer) => sum + localMs(profile, layer, costs), 0);
  const onDevices = (devices ?? [undefined])
    .filter((device) => profile.weightsBytes <= (device?.memoryBytes ?? Number.POSITIVE_INFINITY))
    .map((device) => predictWholeOn(profile, device, costs));
  const fastest = onDevices.reduce<Prediction | null>(
    (best, each) => (best === null || each.ms < best.ms ? each : best),
    null,
  );
  return {
    device: fastest,
    dataPlane: profile.weightsBytes <= dataPlaneMemoryBytes ? { ms: dataPlaneMs, megabytes: 0 } : null,
  };
}

/** Predicts the whole model on one device: a hop, the transfer of its inputs and outputs, and the computing. */
export function predictWholeOn(
  profile: ModelProfile,
  device: DeviceCapacity | undefined,
  costs: Costs,
): Prediction {
  const ends = [...profile.inputs, ...profile.outputs];
  const bytes = ends.reduce((sum, { name }) => sum + tensorBytes(profile, name), 0);
  const work = deviceWork(profile, 0, device, profile.layers, 1, bytes, costs);
  return { ms: stepTime([work], 1, costs).ms, megabytes: bytes / 1e6 };
}
