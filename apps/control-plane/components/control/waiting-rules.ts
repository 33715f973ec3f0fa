import type { RequestTrace, StepTrace } from '@sparewheel/coordinator';
import type { DeploymentView, WaitPredictionView } from '@sparewheel/protocol';

type WaitMs = DeploymentView['policy']['waitMs'];

/** The same arrivals judged by three rules: mean time of the requests under each, in milliseconds. */
export interface WaitingRules {
  readonly requests: number;
  readonly anyK: number;
  /** null where the rule moves by itself, so that arrivals alone do not say what it would have done. */
  readonly chosen: number | null;
  readonly all: number;
  /** As they really took, under the rule that was in force. */
  readonly measured: number;
  /** Requests of which an answer never came, or was called off: no rule but the one in force can be judged by them. */
  readonly leftOut: number;
}

/** A mean of fewer requests moves too much to be shown. */
const FEWEST = 5;

/**
 * What the last requests would have taken under other waiting rules, from when their answers really came. A request
 * with an answer that never came is left out: nobody knows when it would have. Whether fewer late answers would change
 * the arrivals themselves is not predicted.
 * @returns null where there are too few requests to say
 */
export function judgeWaiting(
  traces: readonly RequestTrace[],
  k: number,
  waitMs: WaitMs,
): WaitingRules | null {
  // A rule that moves by itself is judged as none; what it does is measured.
  const judgedAs = typeof waitMs === 'number' || waitMs === 'all' ? waitMs : 'any-k';
  const sum = { anyK: 0, chosen: 0, all: 0, measured: 0 };
  let requests = 0;
  let leftOut = 0;
  for (const trace of traces) {
    if (trace.finishedAt === null) continue;
    const coded = trace.steps.filter(({ kind }) => kind === 'coded');
    if (coded.length === 0) continue;
    const judged = coded.map((step) => judgeStep(step, k, judgedAs));
    const measured = trace.finishedAt - trace.startedAt;
    const waited = coded.reduce((total, step) => total + ((step.finishedAt ?? 0) - step.startedAt), 0);
    const add = (rule: 'anyK' | 'chosen' | 'all') =>
      judged.reduce((total, step) => total + (step?.[rule] ?? Number.NaN), measured - waited);
    const times = { anyK: add('anyK'), chosen: add('chosen'), all: add('all') };
    if (!Object.values(times).every(Number.isFinite)) {
      leftOut += 1;
      continue;
    }
    requests += 1;
    sum.measured += measured;
    sum.anyK += times.anyK;
    sum.chosen += times.chosen;
    sum.all += times.all;
  }
  if (requests < FEWEST) return null;
  return {
    requests,
    anyK: sum.anyK / requests,
    chosen: judgedAs === waitMs ? sum.chosen / requests : null,
    all: sum.all / requests,
    measured: sum.measured / requests,
    leftOut,
  };
}

/** When a coded step would have been done, in milliseconds since it began; null where that cannot be known. */
function judgeStep(
  step: StepTrace,
  k: number,
  waitMs: number | 'any-k' | 'all',
): { anyK: number; chosen: number; all: number } | null {
  const asked = step.shards.filter(({ sentAt }) => sentAt !== null);
  if (step.finishedAt === null || asked.some(({ answeredAt }) => answeredAt === null)) return null;
  const arrivals = asked.map(({ shard, answeredAt }) => ({ shard, at: (answeredAt ?? 0) - step.startedAt }));
  const anyK = arrivals.map(({ at }) => at).sort((a, b) => a - b)[k - 1];
  if (anyK === undefined) return null;
  const data = arrivals.filter(({ shard }) => shard < k);
  const lastData = Math.max(0, ...data.map(({ at }) => at));
  // A device that is known to be down is not waited for: its shard is decoded once k answers are in.
  const all = data.length === k ? lastData : Math.max(lastData, anyK);
  switch (waitMs) {
    case 'any-k':
      return { anyK, chosen: anyK, all };
    case 'all':
      return { anyK, chosen: all, all };
    default:
      return { anyK, chosen: Math.min(all, Math.max(waitMs, anyK)), all };
  }
}

/** What a learned threshold is expected to do, over all coded layers of a request. */
export interface AdaptivePrediction {
  /** Of the layers, in their order. */
  readonly thresholdsMs: readonly number[];
  /** By how much later a request is done than if every layer were decoded at once, in ms. */
  readonly costMs: number;
  /** Share of layers in which a shard has to be decoded: with the threshold, and without. */
  readonly recoveredShare: number;
  readonly anyKRecoveredShare: number;
}

/** null before anything was learned. */
export function adaptivePrediction(
  waiting: readonly WaitPredictionView[] | undefined,
): AdaptivePrediction | null {
  if (waiting === undefined || waiting.length === 0) return null;
  const sum = (of: (layer: WaitPredictionView) => number) =>
    waiting.reduce((total, layer) => total + of(layer), 0);
  return {
    thresholdsMs: waiting.map(({ waitMs }) => waitMs),
    costMs: sum(({ meanMs, anyKMeanMs }) => meanMs - anyKMeanMs),
    recoveredShare: sum(({ recoveredShare }) => recoveredShare) / waiting.length,
    anyKRecoveredShare: sum(({ anyKRecoveredShare }) => anyKRecoveredShare) / waiting.length,
  };
}

/** What 95 % of the answers stay below, in ms after their scatter; null where none came. */
export function slowArrivalMs(traces: readonly RequestTrace[]): number | null {
  const arrivals: number[] = [];
  for (const { steps } of traces) {
    for (const { sentAt, answeredAt } of steps.flatMap(({ shards }) => shards)) {
      if (sentAt !== null && answeredAt !== null) arrivals.push(answeredAt - sentAt);
    }
  }
  arrivals.sort((a, b) => a - b);
  return arrivals[Math.ceil(0.95 * arrivals.length) - 1] ?? null;
}

/** "Any k: 3.1 ms … 24 % faster than waiting for all": what a rule gains, in percent of waiting for all. */
export function gainPercent({ all }: WaitingRules, ruleMs: number): number {
  return all <= 0 ? 0 : Math.round((1 - ruleMs / all) * 100);
}
