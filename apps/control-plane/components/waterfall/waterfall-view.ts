import type { RequestTrace, ShardTrace, StepTrace } from '@sparewheel/coordinator';

export type { RequestTrace };

/** The result of a shard's answer, or of a step on the data plane. */
export type BarKind =
  | 'local'
  | 'used'
  | 'surplus'
  | 'recovered'
  | 'rescued'
  | 'late'
  | 'missing'
  | 'skipped'
  | 'waiting';

/** Times in milliseconds since the request was accepted. */
export interface WaterfallBar {
  readonly id: string;
  readonly kind: BarKind;
  readonly fromMs: number;
  readonly toMs: number;
  /** Arrival of an answer after the step had finished; null if it was in time. At most the end of the axis. */
  readonly lateMs: number | null;
  readonly text: string;
}

export interface WaterfallLane {
  readonly id: string;
  /** The device; "no device" for a shard without one, "not asked" if all its devices were busy. */
  readonly label: string;
  /** The shards that the device computes: "data 1"; empty for the data plane. */
  readonly shard: string;
  readonly role: 'plane' | 'data' | 'parity' | 'replica';
  readonly bars: readonly WaterfallBar[];
}

export interface Waterfall {
  readonly request: number;
  /** null while the request runs. */
  readonly totalMs: number | null;
  readonly endMs: number;
  readonly lanes: readonly WaterfallLane[];
  readonly recovered: number;
  readonly rescued: number;
  readonly late: number;
  /** Describes the request in words. */
  readonly summary: string;
}

/** The axis ends at this multiple of the request's time: a very late answer would make all other bars tiny. */
const LATE_SHOWN = 1.35;

/**
 * Draws one request as lanes: the data plane first, then each device with its answers.
 * @param k        number of data shards in a coded step
 * @param nameOf   returns the name of a device by its id
 * @param layerOf  returns the layer of a step by the step's id
 */
export function waterfall(
  trace: RequestTrace,
  k: number,
  nameOf: (device: string) => string,
  layerOf: (step: string) => string,
): Waterfall {
  const origin = trace.startedAt;
  const last = Math.max(
    ...trace.steps.flatMap(({ startedAt, finishedAt, shards }) => [
      startedAt,
      finishedAt ?? startedAt,
      ...shards.map(({ answeredAt }) => answeredAt ?? startedAt),
    ]),
    origin,
  );
  const totalMs = trace.finishedAt === null ? null : trace.finishedAt - origin;
  const endMs = Math.max(
    0.001,
    totalMs === null ? last - origin : Math.min(Math.max(last - origin, totalMs), totalMs * LATE_SHOWN),
  );
  const lanes = new Map<
    string,
    { label: string; shards: Set<string>; role: WaterfallLane['role']; bars: WaterfallBar[] }
  >();
  lanes.set('plane', { label: 'data plane', shards: new Set(), role: 'plane', bars: [] });
  const holders = holdersOf(trace);
  const tally = { recovered: 0, rescued: 0, late: 0 };

  for (const step of trace.steps) {
    const layer = layerOf(step.step);
    if (step.shards.length === 0) {
      lanes.get('plane')?.bars.push(localBar(step, layer, origin, last));
      continue;
    }
    for (const shard of step.shards) {
      const kind = kindOf(step, shard, k);
      if (kind === 'recovered') tally.recovered += 1;
      if (kind === 'rescued') tally.rescued += 1;
      if (shard.status === 'late') tally.late += 1;
      // A busy device is not asked, but it is there.
      const holder = shard.device ?? (shard.calledOff ? (holders.get(shard.shard) ?? null) : null);
      const id = holder ?? `seat ${shard.shard}`;
      const role = roleOf(step, shard, k);
      const lane = lanes.get(id) ?? {
        label: holder !== null ? nameOf(holder) : shard.calledOff ? 'not asked' : 'no device',
        shards: new Set(),
        role,
        bars: [],
      };
      lanes.set(id, lane);
      lane.shards.add(`${role} ${shard.shard}`);
      lane.bars.push(shardBar(step, shard, kind, layer, { origin, last, endMs }));
    }
  }

  return {
    request: trace.request,
    totalMs,
    endMs,
    lanes: [...lanes].map(([id, { label, shards, role, bars }]) => ({
      id,
      label,
      shard: [...shards].join(', '),
      role,
      bars,
    })),
    ...tally,
    summary: summaryOf(totalMs, trace.steps.length, tally),
  };
}

/** Returns the device of each shard, from the steps in which it was asked. */
function holdersOf({ steps }: RequestTrace): ReadonlyMap<number, string> {
  const shards = steps.filter(({ kind }) => kind === 'coded').flatMap((step) => step.shards);
  return new Map(shards.flatMap(({ shard, device }) => (device === null ? [] : [[shard, device]])));
}

function localBar(step: StepTrace, layer: string, origin: number, last: number): WaterfallBar {
  const fromMs = step.startedAt - origin;
  const toMs = (step.finishedAt ?? last) - origin;
  return {
    id: step.step,
    kind: 'local',
    fromMs,
    toMs,
    lateMs: null,
    text: `${layer}: ${ms(toMs - fromMs)} on the data plane`,
  };
}

function shardBar(
  step: StepTrace,
  shard: ShardTrace,
  kind: BarKind,
  layer: string,
  { origin, last, endMs }: { origin: number; last: number; endMs: number },
): WaterfallBar {
  const fromMs = (shard.sentAt ?? step.startedAt) - origin;
  const answeredMs = (shard.answeredAt ?? step.finishedAt ?? last) - origin;
  const doneMs = (step.finishedAt ?? last) - origin;
  // The step finished without a late answer. Its bar ends there, so that it does not overlap the next step.
  const late = shard.status === 'late' && answeredMs > doneMs;
  const toMs = Math.max(fromMs, late ? doneMs : answeredMs);
  return {
    id: `${step.step} ${shard.shard}`,
    kind,
    fromMs,
    toMs: Math.min(toMs, endMs),
    lateMs: late ? Math.min(answeredMs, endMs) : null,
    text: `${layer}: ${describe(kind, shard, answeredMs - fromMs)}`,
  };
}

/** A data shard with a late answer was recovered: the result includes it. A busy device that was not asked did not fail. */
function kindOf(step: StepTrace, { shard, status, sentAt, calledOff }: ShardTrace, k: number): BarKind {
  if (status === 'missing' && sentAt === null && calledOff) return 'skipped';
  if (status !== 'late') return status;
  return step.kind === 'coded' && shard < k ? 'recovered' : 'late';
}

function roleOf(step: StepTrace, { shard }: ShardTrace, k: number): WaterfallLane['role'] {
  if (step.kind === 'replicated') return 'replica';
  return shard < k ? 'data' : 'parity';
}

function describe(kind: BarKind, shard: ShardTrace, tookMs: number): string {
  const { answeredAt, sentAt, computeMs } = shard;
  const took = computeMs === undefined ? ms(tookMs) : `${ms(tookMs)} (computing ${ms(computeMs)})`;
  switch (kind) {
    case 'local':
    case 'used':
      return `answered after ${took}`;
    case 'surplus':
      return `answered after ${took}, not needed`;
    case 'late':
      return `answered after ${took}, too late to be needed`;
    case 'recovered':
      return answeredAt === null
        ? `recovered from parity; ${sentAt === null ? notAsked(shard) : notAnswered(shard)}`
        : `recovered from parity; the answer came late, after ${took}`;
    case 'rescued':
      return 'computed by the data plane';
    case 'skipped':
      return `${notAsked(shard)} and its answer was not needed`;
    case 'missing':
      return sentAt === null ? notAsked(shard) : `${notAnswered(shard)}, not needed`;
    case 'waiting':
      return 'in flight';
  }
}

function notAsked({ calledOff }: ShardTrace): string {
  return calledOff ? 'not sent, its device was busy' : 'not sent, no device';
}

function notAnswered({ calledOff }: ShardTrace): string {
  return calledOff ? 'the answer was canceled' : 'no answer arrived';
}

function summaryOf(
  totalMs: number | null,
  steps: number,
  { recovered, rescued, late }: { recovered: number; rescued: number; late: number },
): string {
  const parts = [`${steps} ${steps === 1 ? 'step' : 'steps'}`];
  if (totalMs !== null) parts.unshift(ms(totalMs));
  parts.push(
    recovered === 0 ? 'nothing recovered' : `${recovered} ${recovered === 1 ? 'shard' : 'shards'} recovered`,
  );
  if (rescued > 0) parts.push(`${rescued} rescued`);
  if (late > 0) parts.push(`${late} ${late === 1 ? 'answer' : 'answers'} late`);
  return parts.join(', ');
}

function ms(value: number): string {
  return `${value < 9.995 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

export type TraceChoice = 'latest' | 'slowest' | 'recovered';

/** Returns the finished request of a choice; null if there is none. */
export function chooseTrace(
  traces: readonly RequestTrace[],
  choice: TraceChoice,
  k: number,
): RequestTrace | null {
  const finished = traces.filter(({ finishedAt }) => finishedAt !== null);
  switch (choice) {
    case 'latest':
      return finished[0] ?? null;
    case 'slowest':
      return finished.reduce<RequestTrace | null>(
        (slowest, trace) => (slowest === null || duration(trace) > duration(slowest) ? trace : slowest),
        null,
      );
    case 'recovered':
      return (
        finished.find(({ steps }) =>
          steps.some((step) => step.shards.some((shard) => kindOf(step, shard, k) === 'recovered')),
        ) ?? null
      );
  }
}

function duration({ startedAt, finishedAt }: RequestTrace): number {
  return (finishedAt ?? startedAt) - startedAt;
}
