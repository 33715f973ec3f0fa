import type { DeviceId } from '../ports.ts';
import type { Program } from './program.ts';
import type { RequestTrace, ShardTrace, StepTrace } from './trace.ts';

/** A request that was answered, and of which nothing is awaited any more: its trace is complete. */
export interface SettledRequest {
  readonly trace: RequestTrace;
  readonly program: Program;
}

/** One device's part in one step. */
export interface ShardArrival {
  readonly device: DeviceId;
  readonly role: 'data' | 'parity' | 'replica';
  /** From scatter to answer; null where none came. */
  readonly arrivalMs: number | null;
  /** The coordinator itself stopped waiting for the answer: when it would have come is not known. */
  readonly calledOff: boolean;
  /** It was not in when the step went on. */
  readonly late: boolean;
  /** The last of the step's data shards, all of which came. */
  readonly last: boolean;
}

/** One request's arrivals, and when it would have been answered under two rules. Milliseconds since acceptance. */
export interface RequestArrivals {
  /** As it was, under the policy in force. */
  readonly measuredMs: number;
  /** Decoding each coded step from the first k answers. */
  readonly anyKMs: number;
  /** Waiting for all k data shards, as a system without parity must. null where one of them never came. */
  readonly allDataMs: number | null;
  /** Why `allDataMs` is null: an answer that never came, or one that the coordinator called off. */
  readonly missing: 'unanswered' | 'called-off' | null;
  readonly shards: readonly ShardArrival[];
}

/** What a program says of its steps, looked up once. */
interface Order {
  readonly indexOf: ReadonlyMap<string, number>;
  /** By step: the steps whose outputs it reads. */
  readonly before: readonly (readonly number[])[];
  /** The steps that make the request's outputs. */
  readonly last: readonly number[];
}

const orders = new WeakMap<Program, Order>();

/**
 * Judges one request's arrivals by two rules: any k of k + r (coded), and all k data shards (uncoded). A step that
 * ends earlier or later by a rule moves every step that reads from it; what each device took is left as it was, and so
 * is everything between the steps. An answer that is not in is never guessed at.
 */
export function judgeArrivals({ trace, program }: SettledRequest): RequestArrivals {
  const order = orderOf(program);
  const steps: (StepTrace | undefined)[] = new Array(program.steps.length);
  for (const step of trace.steps) steps[order.indexOf.get(step.step)!] = step;

  const shards: ShardArrival[] = [];
  const anyK = new Moved(steps, order);
  const allData = new Moved(steps, order);
  let missing: RequestArrivals['missing'] = null;
  for (const [index, step] of steps.entries()) {
    if (step === undefined || step.finishedAt === null) continue;
    const tookMs = step.finishedAt - step.startedAt;
    const { kind, plan } = program.steps[index]!;
    if (kind !== 'coded') {
      anyK.end(index, tookMs);
      allData.end(index, tookMs);
      for (const shard of step.shards) addArrival(shards, step, shard, 'replica', false);
      continue;
    }
    const k = plan.dataShards;
    const last = lastDataShard(step, k);
    for (const shard of step.shards) {
      addArrival(shards, step, shard, shard.shard < k ? 'data' : 'parity', shard === last);
    }
    anyK.end(index, kthArrivalMs(step, k) ?? tookMs);
    allData.end(index, last === null ? tookMs : last.answeredAt! - step.startedAt);
    if (last === null && missing !== 'unanswered') missing = whyMissing(step, k);
  }
  const measuredMs = trace.finishedAt! - trace.startedAt;
  return {
    measuredMs,
    anyKMs: measuredMs + anyK.delayMs,
    allDataMs: missing === null ? measuredMs + allData.delayMs : null,
    missing,
    shards,
  };
}

/** By how much each step ends later than it did, where steps take other times than they took. */
class Moved {
  readonly #delaysMs: number[] = [];

  constructor(
    readonly steps: readonly (StepTrace | undefined)[],
    readonly order: Order,
  ) {}

  /** @param tookMs  of the step, from its beginning; steps come in the program's order */
  end(index: number, tookMs: number): void {
    const step = this.steps[index]!;
    const changeMs = tookMs - (step.finishedAt! - step.startedAt);
    this.#delaysMs[index] = this.#delayOf(this.order.before[index]!) + changeMs;
  }

  /** Of the request. */
  get delayMs(): number {
    return this.#delayOf(this.order.last);
  }

  /** Of what begins when the last of these has ended. */
  #delayOf(before: readonly number[]): number {
    let ended = Number.NEGATIVE_INFINITY;
    let endsNow = Number.NEGATIVE_INFINITY;
    for (const index of before) {
      const finishedAt = this.steps[index]?.finishedAt ?? Number.NEGATIVE_INFINITY;
      ended = Math.max(ended, finishedAt);
      endsNow = Math.max(endsNow, finishedAt + (this.#delaysMs[index] ?? 0));
    }
    return Number.isFinite(ended) ? endsNow - ended : 0;
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

/** null where not all of them came. */
function lastDataShard(step: StepTrace, k: number): ShardTrace | null {
  let last: ShardTrace | null = null;
  for (const shard of step.shards) {
    if (shard.shard >= k) continue;
    if (shard.answeredAt === null) return null;
    if (last === null || shard.answeredAt > last.answeredAt!) last = shard;
  }
  return last;
}

/** Since the step began; null where fewer than k came. */
function kthArrivalMs(step: StepTrace, k: number): number | null {
  const came: number[] = [];
  for (const { answeredAt } of step.shards) if (answeredAt !== null) came.push(answeredAt);
  if (came.length < k) return null;
  came.sort((a, b) => a - b);
  return came[k - 1]! - step.startedAt;
}

function whyMissing(step: StepTrace, k: number): 'unanswered' | 'called-off' {
  const known = step.shards.every((each) => each.shard >= k || each.answeredAt !== null || each.calledOff);
  return known ? 'called-off' : 'unanswered';
}

function orderOf(program: Program): Order {
  const known = orders.get(program);
  if (known !== undefined) return known;
  const producers = new Map<number, number>();
  for (const { index, fetchSlots } of program.steps) {
    for (const slot of fetchSlots) producers.set(slot, index);
  }
  const makersOf = (slots: readonly number[]) => [
    ...new Set(slots.flatMap((slot) => producers.get(slot) ?? [])),
  ];
  const order: Order = {
    indexOf: new Map(program.steps.map(({ id, index }) => [id, index])),
    before: program.steps.map(({ feedSlots }) => makersOf(feedSlots)),
    last: makersOf(program.outputs.map(({ slot }) => slot)),
  };
  orders.set(program, order);
  return order;
}
