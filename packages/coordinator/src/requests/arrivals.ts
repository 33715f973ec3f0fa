import type { DeviceId } from '../ports.ts';
import type { Program } from './program.ts';
import type { RequestTrace, ShardTrace, StepTrace } from './trace.ts';

/** An answered request without pending answers. Its trace is complete. */
export interface SettledRequest {
  readonly trace: RequestTrace;
  readonly program: Program;
}

/** One device's answer in one step. */
export interface ShardArrival {
  readonly device: DeviceId;
  readonly role: 'data' | 'parity' | 'replica';
  /** Time from scatter to answer; null without an answer. */
  readonly arrivalMs: number | null;
  /** The coordinator stopped waiting for the answer, so its arrival time is unknown. */
  readonly calledOff: boolean;
  /** The answer was not in when the step finished. */
  readonly late: boolean;
  /** The answer was the last of the step's data shards. Set only if all of them came. */
  readonly last: boolean;
}

/** One request's arrivals, and its latency under two waiting rules. Milliseconds since acceptance. */
export interface RequestArrivals {
  /** The actual latency, under the request's policy. */
  readonly measuredMs: number;
  /** The latency if each coded step decodes from the first k answers. */
  readonly anyKMs: number;
  /** The latency if each coded step waits for all k data shards, like a system without parity. */
  readonly allDataMs: number | null;
  /** Why `allDataMs` is null: a data shard's answer never came, or the coordinator called it off. */
  readonly missing: 'unanswered' | 'called-off' | null;
  /** Seats whose device could not answer in at least one step: it was down, silent, in quarantine, or refused. */
  readonly failedSeats: number;
  /** Whether parity replaced a data shard of such a device. A late answer that parity replaced does not count. */
  readonly survivedFailure: boolean;
  /** The coordinator awaited all answers, also under load. */
  readonly sampled: boolean;
  readonly shards: readonly ShardArrival[];
}

/** The dependencies between a program's steps. */
interface Dependencies {
  readonly indexOf: ReadonlyMap<string, number>;
  /** By step: the steps whose outputs it reads. */
  readonly producers: readonly (readonly number[])[];
  /** The steps that produce the request's outputs. */
  readonly outputProducers: readonly number[];
}

const dependenciesOf = new WeakMap<Program, Dependencies>();

/**
 * Replays one request's arrivals under two rules: any k of k + r answers (coded), and all k data shards (uncoded). A
 * step that ends earlier or later under a rule shifts every step that depends on it. The device times and the times
 * between steps stay as measured. The replay never estimates the arrival time of an answer that did not come.
 */
export function replayArrivals({ trace, program }: SettledRequest): RequestArrivals {
  const dependencies = findDependencies(program);
  const steps: (StepTrace | undefined)[] = new Array(program.steps.length);
  for (const step of trace.steps) steps[dependencies.indexOf.get(step.step)!] = step;

  const shards: ShardArrival[] = [];
  const anyK = new ShiftedSteps(steps, dependencies);
  const allData = new ShiftedSteps(steps, dependencies);
  let missing: RequestArrivals['missing'] = null;
  const failedSeats = new Set<number>();
  for (const [index, step] of steps.entries()) {
    if (step === undefined || step.finishedAt === null) continue;
    const durationMs = step.finishedAt - step.startedAt;
    const { kind, plan } = program.steps[index]!;
    for (const shard of step.shards) if (hasFailed(shard)) failedSeats.add(seatOf(plan, shard.shard));
    if (kind !== 'coded') {
      anyK.setDuration(index, durationMs);
      allData.setDuration(index, durationMs);
      for (const shard of step.shards) addArrival(shards, step, shard, 'replica', false);
      continue;
    }
    const k = plan.dataShards;
    const last = lastDataShard(step, k);
    for (const shard of step.shards) {
      addArrival(shards, step, shard, shard.shard < k ? 'data' : 'parity', shard === last);
    }
    anyK.setDuration(index, kthArrivalMs(step, k) ?? durationMs);
    allData.setDuration(index, last === null ? durationMs : last.answeredAt! - step.startedAt);
    if (last === null && missing !== 'unanswered') missing = whyMissing(step, k);
  }
  const measuredMs = trace.finishedAt! - trace.startedAt;
  return {
    measuredMs,
    anyKMs: measuredMs + anyK.delayMs,
    allDataMs: missing === null ? measuredMs + allData.delayMs : null,
    missing,
    failedSeats: failedSeats.size,
    survivedFailure: survivedFailure(trace),
    sampled: trace.sampled === true,
    shards,
  };
}

/**
 * Returns whether parity replaced a data shard whose device had failed. Final when no answer is pending: a recovered
 * shard counts as outrun until its device turns out to be silent.
 */
export function survivedFailure({ steps }: RequestTrace): boolean {
  return steps.some(({ shards }) => shards.some((each) => each.status === 'recovered' && hasFailed(each)));
}

/** Whether the device of a shard could not answer. */
function hasFailed({ failed, answeredAt }: ShardTrace): boolean {
  return failed === true && answeredAt === null;
}

function seatOf(plan: Program['steps'][number]['plan'], shard: number): number {
  return 'seats' in plan ? (plan.seats?.[shard] ?? shard) : shard;
}

/** Computes how much later each step ends when steps have other durations than measured. */
class ShiftedSteps {
  readonly #delaysMs: number[] = [];

  constructor(
    readonly steps: readonly (StepTrace | undefined)[],
    readonly dependencies: Dependencies,
  ) {}

  /** Must be called in program order. */
  setDuration(index: number, durationMs: number): void {
    const step = this.steps[index]!;
    const changeMs = durationMs - (step.finishedAt! - step.startedAt);
    this.#delaysMs[index] = this.#delayAfter(this.dependencies.producers[index]!) + changeMs;
  }

  /** The delay of the request's answer. */
  get delayMs(): number {
    return this.#delayAfter(this.dependencies.outputProducers);
  }

  /** Returns the delay of the moment at which the last of these steps ends. */
  #delayAfter(producers: readonly number[]): number {
    let measuredEnd = Number.NEGATIVE_INFINITY;
    let shiftedEnd = Number.NEGATIVE_INFINITY;
    for (const index of producers) {
      const finishedAt = this.steps[index]?.finishedAt ?? Number.NEGATIVE_INFINITY;
      measuredEnd = Math.max(measuredEnd, finishedAt);
      shiftedEnd = Math.max(shiftedEnd, finishedAt + (this.#delaysMs[index] ?? 0));
    }
    return Number.isFinite(measuredEnd) ? shiftedEnd - measuredEnd : 0;
  }
}

function addArrival(
  into: ShardArrival[],
  step: StepTrace,
  { device, sentAt, answeredAt, calledOff }: ShardTrace,
  role: ShardArrival['role'],
  last: boolean,
): void {
  if (device === null || sentAt === null) return;
  const arrivalMs = answeredAt === null ? null : answeredAt - sentAt;
  const late = answeredAt === null || answeredAt > step.finishedAt!;
  into.push({ device, role, arrivalMs, calledOff: calledOff === true && answeredAt === null, late, last });
}

/** Returns the data shard that was answered last, or null if not all of them were answered. */
function lastDataShard(step: StepTrace, k: number): ShardTrace | null {
  let last: ShardTrace | null = null;
  for (const shard of step.shards) {
    if (shard.shard >= k) continue;
    if (shard.answeredAt === null) return null;
    if (last === null || shard.answeredAt > last.answeredAt!) last = shard;
  }
  return last;
}

/** Returns the time from the step's start to its k-th answer, or null if fewer than k came. */
function kthArrivalMs(step: StepTrace, k: number): number | null {
  const arrivals: number[] = [];
  for (const { answeredAt } of step.shards) if (answeredAt !== null) arrivals.push(answeredAt);
  if (arrivals.length < k) return null;
  arrivals.sort((a, b) => a - b);
  return arrivals[k - 1]! - step.startedAt;
}

function whyMissing(step: StepTrace, k: number): 'unanswered' | 'called-off' {
  const known = step.shards.every((each) => each.shard >= k || each.answeredAt !== null || each.calledOff);
  return known ? 'called-off' : 'unanswered';
}

function findDependencies(program: Program): Dependencies {
  const known = dependenciesOf.get(program);
  if (known !== undefined) return known;
  const producerOf = new Map<number, number>();
  for (const { index, fetchSlots } of program.steps) {
    for (const slot of fetchSlots) producerOf.set(slot, index);
  }
  const producersOf = (slots: readonly number[]) => [
    ...new Set(slots.flatMap((slot) => producerOf.get(slot) ?? [])),
  ];
  const dependencies: Dependencies = {
    indexOf: new Map(program.steps.map(({ id, index }) => [id, index])),
    producers: program.steps.map(({ feedSlots }) => producersOf(feedSlots)),
    outputProducers: producersOf(program.outputs.map(({ slot }) => slot)),
  };
  dependenciesOf.set(program, dependencies);
  return dependencies;
}
