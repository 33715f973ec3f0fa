import { expect, it } from 'vitest';
import { latency as latencyView } from '../components/testing/view-fixtures.ts';
import { MemoryStore } from './database/memory-store.ts';
import { LatencyHistory } from './latency-history.ts';
import { LiveViews } from './live-views.ts';

const latency = (deployment: string, requests: number) => {
  const view = latencyView();
  return { ...view, deployment, counts: { ...view.counts, requests, answered: requests } };
};

it('stores the latency of each deployment with new requests', async () => {
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
