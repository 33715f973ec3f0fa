import type { LoadView } from '@sparewheel/protocol';
import { expect, it } from 'vitest';
import { describeLoad, FIRST_LOAD, formOf, loadProgress, loadRequest } from './load-form.ts';

const VIEW: LoadView = {
  running: true,
  mode: 'closed',
  concurrency: 8,
  ratePerSecond: null,
  seconds: null,
  requests: null,
  pictures: 0,
  sent: 50,
  answered: 42,
  failed: 0,
  lost: 0,
  inFlight: 8,
  startedAt: '2026-11-23T10:00:00.000Z',
  percentiles: { count: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0, max: 0, mean: 0, sd: 0 },
};
const start = Date.parse(VIEW.startedAt);

it('a load request has an end and pictures only if they are set', () => {
  expect(loadRequest(FIRST_LOAD, [])).toEqual({ mode: 'closed', concurrency: 8 });
  expect(loadRequest({ ...FIRST_LOAD, mode: 'open', seconds: 30, requests: 100 }, ['AA=='])).toEqual({
    mode: 'open',
    ratePerSecond: 50,
    seconds: 30,
    requests: 100,
    pictures: ['AA=='],
  });
});

it('the progress of a load follows the end that comes first', () => {
  expect(loadProgress(VIEW, start + 5_000)).toBeNull();
  expect(loadProgress({ ...VIEW, seconds: 20 }, start + 5_000)).toBe(0.25);
  expect(loadProgress({ ...VIEW, seconds: 20, requests: 100 }, start + 5_000)).toBe(0.5);
  expect(loadProgress({ ...VIEW, seconds: 20 }, start + 50_000)).toBe(1);
});

it('a load is described in words', () => {
  expect(describeLoad({ ...VIEW, seconds: 30, pictures: 3 })).toBe('8 in flight, for 30 s, 3 pictures');
});

it('the fields show a running load', () => {
  const open: LoadView = { ...VIEW, mode: 'open', concurrency: null, ratePerSecond: 15, seconds: 30 };
  expect(loadRequest(formOf(open), [])).toEqual({ mode: 'open', ratePerSecond: 15, seconds: 30 });
  expect(loadRequest(formOf(VIEW), [])).toEqual({ mode: 'closed', concurrency: 8 });
});
