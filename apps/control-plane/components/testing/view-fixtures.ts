import type { RequestTrace } from '@sparewheel/coordinator';
import type { Plan } from '@sparewheel/planner';
import type {
  AnswerStatistics,
  DeploymentView,
  DeviceView,
  LatencyPeriod,
  LatencyView,
  Percentiles,
  RuleComparisonView,
  SeatView,
} from '@sparewheel/protocol';
import type { ExplainedPlan } from '../plan/plan-drawing.ts';

/** A healthy device. Tests change single fields. */
export function device(name: string, change: Partial<DeviceView> = {}): DeviceView {
  return {
    id: `id-${name}`,
    name,
    state: 'ready',
    connected: !['dead', 'lost'].includes(change.state ?? 'ready'),
    roles: ['standby'],
    seats: [],
    platform: 'linux x64',
    engine: 'native',
    processId: 100,
    supervised: true,
    memory: { rssBytes: 60e6, totalBytes: 1e9, storeBytes: 1e5 },
    roundTripMs: 0.4,
    inFlight: 0,
    arrivalMs: 1.2,
    answers: 0,
    late: 0,
    invalid: 0,
    temperatureCelsius: null,
    faults: [],
    reason: null,
    joinedAt: '2026-01-01T00:00:00Z',
    lastSeenAt: '2026-01-01T00:00:00Z',
    ...change,
  };
}

export function seat(
  number: number,
  role: SeatView['role'],
  deviceName: string,
  change: Partial<SeatView> = {},
): SeatView {
  return {
    seat: number,
    role,
    device: `id-${deviceName}`,
    deviceName,
    state: 'ready',
    sentBytes: 100,
    totalBytes: 100,
    ...change,
  };
}

/** A healthy deployment: k data seats on d1…dk, then r parity seats on p1…pr. */
export function deployment(k: number, r: number, change: Partial<DeploymentView> = {}): DeploymentView {
  const seats = [
    ...Array.from({ length: k }, (_, index) => seat(index, 'data', `d${index + 1}`)),
    ...Array.from({ length: r }, (_, index) => seat(k + index, 'parity', `p${index + 1}`)),
  ];
  return {
    name: 'lenet5',
    model: 'lenet5',
    state: 'ready',
    reason: null,
    strategy: 'coded',
    k,
    r,
    planned: { k, r },
    layers: 'all',
    policy: { waitMs: 'any-k', verify: 'after', deadlineMs: 10_000, rescue: 'data-plane', detectMs: null },
    inputs: [{ name: 'image', type: 'float32', dims: [1, 1, 28, 28] }],
    outputs: [{ name: 'scores', type: 'float32', dims: [1, 10] }],
    coverage: 1,
    objective: 'latency',
    runsWhole: null,
    predictions: null,
    progress: { fraction: 1, phase: 'done', seats },
    load: null,
    outage: null,
    mirrorOf: null,
    mirror: null,
    twin: null,
    createdAt: '2026-01-01T00:00:00Z',
    ...change,
  };
}

export function percentiles(change: Partial<Percentiles> = {}): Percentiles {
  return { count: 100, p50: 4, p90: 6, p95: 7, p99: 9, p999: 10, max: 10, mean: 4, sd: 1, ...change };
}

/** An empty comparison of coded and uncoded latency. */
export function comparison(change: Partial<RuleComparisonView> = {}): RuleComparisonView {
  const none = percentiles({ count: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0, max: 0, mean: 0, sd: 0 });
  return {
    since: '2026-01-01T00:00:00Z',
    requests: 0,
    unanswered: 0,
    calledOff: 0,
    sampleOf: null,
    coded: { percentiles: none, histogram: [] },
    uncoded: { percentiles: none, histogram: [] },
    ...change,
  };
}

/** A period of a healthy deployment that lasts. */
export function period(change: Partial<LatencyPeriod> = {}): LatencyPeriod {
  return {
    id: 1,
    name: 'healthy',
    cause: 'start',
    change: 'start',
    since: '2026-01-01T14:02:10Z',
    until: null,
    warmUp: 0,
    percentiles: percentiles(),
    histogram: [],
    comparison: comparison(),
    ...change,
  };
}

export function latency(change: Partial<LatencyView> = {}): LatencyView {
  return {
    deployment: 'lenet5',
    unit: 'ms',
    counts: {
      requests: 0,
      answered: 0,
      recovered: 0,
      outran: 0,
      survived: 0,
      recoveredShards: 0,
      rescued: 0,
      failed: 0,
      canceled: 0,
      lost: 0,
      inFlight: 0,
      late: 0,
      corrupt: 0,
    },
    percentiles: percentiles(),
    histogram: [],
    lastFault: null,
    periods: [],
    changes: [],
    byFailedDevices: [],
    wrongAnswers: [],
    comparison: comparison(),
    throughput: [],
    ...change,
  };
}

/**
 * A finished request with one coded step over 2 + 1 devices; any 2 answers are enough.
 * @param arrivals  by shard, in milliseconds; null without a device, "never" without an answer
 */
export function codedTrace(arrivals: readonly (number | null | 'never')[], request = 1): RequestTrace {
  const startedAt = 1_000;
  const came = arrivals.filter((at) => typeof at === 'number').sort((a, b) => a - b);
  const doneMs = came[1] ?? 0;
  return {
    request,
    startedAt,
    finishedAt: startedAt + doneMs,
    steps: [
      {
        step: 's0',
        kind: 'coded',
        startedAt,
        finishedAt: startedAt + doneMs,
        shards: arrivals.map((at, shard) => ({
          shard,
          device: at === null ? null : `d${shard}`,
          sentAt: at === null ? null : startedAt,
          answeredAt: typeof at === 'number' ? startedAt + at : null,
          status: typeof at !== 'number' ? 'recovered' : at > doneMs ? 'late' : 'used',
        })),
      },
    ],
  };
}

/** A seat of a plan. */
export const planSeat = (
  seat: number,
  role: 'data' | 'parity' | 'replica',
  weightsBytes = 100,
): Plan['seats'][number] => ({ seat, role, weightsBytes, multiplyAdds: 50, bytesIn: 10, bytesOut: 5 });

/** A plan without steps. */
export function plan(change: Partial<ExplainedPlan> = {}): ExplainedPlan {
  return {
    version: 1,
    model: { name: 'net', sha256: '0'.repeat(64) },
    strategy: 'coded',
    k: 2,
    r: 1,
    inputs: [],
    outputs: [],
    steps: [],
    seats: [],
    decisions: [],
    coverage: null,
    ...change,
  };
}

/** What the duel counts of ten answers without a failure. */
export const answerStatistics = (change: Partial<AnswerStatistics> = {}): AnswerStatistics => ({
  deployment: 'lenet5',
  since: 0,
  answered: 10,
  failed: 0,
  wrong: 0,
  skipped: 0,
  p50: 4,
  p95: 6,
  p99: 9,
  atLeast: [],
  histogram: [{ from: 3, to: 4, count: 10 }],
  ...change,
});
