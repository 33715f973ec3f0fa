import { expect, it } from 'vitest';
import { MemoryStore } from './database/memory-store.ts';
import { LatencyHistory } from './latency-history.ts';
import { LiveViews } from './live-views.ts';

const percentiles = { count: 1, p50: 1, p90: 1, p95: 1, p99: 1, p999: 1, max: 1, mean: 1, sd: 0 };
const latency = (deployment: string, requests: number) => ({
  deployment,
  unit: 'ms' as const,
  counts: {
    requests,
    answered: requests,
    recovered: 0,
    recoveredShards: 0,
    rescued: 0,
    failed: 0,
    cancelled: 0,
    lost: 0,
    inFlight: 0,
    late: 0,
    corrupt: 0,
  },
  percentiles,
  histogram: [],
  lastFault: null,
  beforeFault: null,
  afterFault: null,
  throughput: [],
});

it('the latency history has a line for each deployment that answered something since the last one', async () => {
  const store = new MemoryStore();
  const live = new LiveViews();
  const history = new LatencyHistory(store, live);
  live.latency = [latency('idle', 0), latency('busy', 5)];
  await history.write();
  await history.write();
  live.latency = [latency('idle', 0), latency('busy', 9)];
  await history.close();
  const requests = (await store.latencySummaries('busy', 9)).map(({ counts }) => counts.requests);
  expect(requests).toEqual([5, 9]);
  expect(await store.latencySummaries('idle', 9)).toEqual([]);
});
