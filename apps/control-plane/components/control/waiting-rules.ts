import type { RequestTrace, StepTrace } from '@sparewheel/coordinator';
import type { DeploymentView, WaitPredictionView } from '@sparewheel/protocol';

type WaitMs = DeploymentView['policy']['waitMs'];

/** Mean time of the same requests under three waiting rules, in milliseconds, from the same arrivals. */
export interface WaitingRules {
  readonly requests: number;
  readonly anyK: number;
  /** null for the adaptive rule: its threshold at the time of each request is unknown. */
  readonly chosen: number | null;
  readonly all: number;
  /** Measured under the rule that was in force. */
  readonly measured: number;
  /** Requests with a missing or canceled answer. They are not compared: the arrival time is unknown. */
  readonly leftOut: number;
}

/** A mean of fewer requests changes too much to show. */
const FEWEST = 5;

/** With a larger share of requests that lack an answer, the others are not typical: they are too fast. */
const MOST_LEFT_OUT = 0.25;

/** The last requests allow no prediction. */
export interface NoPrediction {
  /** Requests whose every shard was sent and answered, and all the others. */
  readonly requests: number;
  readonly leftOut: number;
}

/**
 * Computes how long the last requests would have taken under other waiting rules, from the real arrival times. Leaves
 * out requests in which a shard was not sent or not answered, because its time is unknown. Does not predict how another
 * rule would change the arrivals themselves. Under load, only the sampled requests have all their answers.
 * @returns no prediction for too few requests, or if more than a quarter of them lack an answer
 */
export function judgeWaiting(
  traces: readonly RequestTrace[],
  k: number,
  waitMs: WaitMs,
): WaitingRules | NoPrediction {
  const all = judge(traces, k, waitMs);
  if (isPrediction(all)) return all;
  const sampled = judge(
    traces.filter((trace) => trace.sampled),
    k,
    waitMs,
  );
  return isPrediction(sampled) ? sampled : all;
}

function judge(traces: readonly RequestTrace[], k: number, waitMs: WaitMs): WaitingRules | NoPrediction {
  // The adaptive rule has no fixed threshold to predict; its effect is measured.
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
  if (requests < FEWEST || leftOut > MOST_LEFT_OUT * (requests + leftOut)) return { requests, leftOut };
  return {
    requests,
    anyK: sum.anyK / requests,
    chosen: judgedAs === waitMs ? sum.chosen / requests : null,
    all: sum.all / requests,
    measured: sum.measured / requests,
    leftOut,
  };
}

/** Returns when a coded step would have finished, in ms since its start; null if an arrival time is unknown. */
function judgeStep(
  step: StepTrace,
  k: number,
  waitMs: number | 'any-k' | 'all',
): { anyK: number; chosen: number; all: number } | null {
  // A shard that was never sent has no arrival time: its device is dead, or over its cap.
  if (step.finishedAt === null || step.shards.some(({ answeredAt }) => answeredAt === null)) return null;
  const arrivals = step.shards.map(({ shard, answeredAt }) => ({
    shard,
    at: (answeredAt ?? 0) - step.startedAt,
  }));
  const anyK = arrivals.map(({ at }) => at).sort((a, b) => a - b)[k - 1];
  if (anyK === undefined) return null;
  const all = Math.max(0, ...arrivals.filter(({ shard }) => shard < k).map(({ at }) => at));
  switch (waitMs) {
    case 'any-k':
      return { anyK, chosen: anyK, all };
    case 'all':
      return { anyK, chosen: all, all };
    default:
      return { anyK, chosen: Math.min(all, Math.max(waitMs, anyK)), all };
  }
}

/** Whether the last requests allow a prediction. */
export function isPrediction(rules: WaitingRules | NoPrediction): rules is WaitingRules {
  return 'measured' in rules;
}

/** The expected effect of the learned thresholds over all coded layers of a request. */
export interface AdaptivePrediction {
  /** One per layer, in order. */
  readonly thresholdsMs: readonly number[];
  /** How much later a request finishes than under "any k", in ms. */
  readonly costMs: number;
  /** Share of layers with a decoded shard: with the thresholds, and under "any k". */
  readonly recoveredShare: number;
  readonly anyKRecoveredShare: number;
}

/** Returns null before the first thresholds are learned. */
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

/** Returns the 95th percentile of the answer times, in ms after their scatter; null without answers. */
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

/** Returns how much faster a rule is than "all", in percent of "all". */
export function gainPercent({ all }: WaitingRules, ruleMs: number): number {
  return all <= 0 ? 0 : Math.round((1 - ruleMs / all) * 100);
}
