import { describe, expect, it } from 'vitest';
import { comparison, latency, percentiles } from '../testing/view-fixtures.ts';
import { counters, throughputNow } from './counters.ts';

const load = {
  running: true,
  mode: 'closed' as const,
  concurrency: 8,
  ratePerSecond: null,
  sent: 100,
  answered: 99,
  failed: 0,
  lost: 0,
  inFlight: 1,
  startedAt: '2026-01-01T00:00:00Z',
  percentiles: percentiles(),
};
const tone = (key: string, list: ReturnType<typeof counters>) =>
  list.find((entry) => entry.key === key)?.tone;

describe('the counters', () => {
  it('show 0 lost as good and more as bad, from either source', () => {
    expect(tone('lost', counters(null, null))).toBe('ok');
    expect(tone('lost', counters(latency(), load))).toBe('ok');
    expect(tone('lost', counters(latency(), { ...load, lost: 1 }))).toBe('danger');
    const counts = { ...latency().counts, lost: 2 };
    expect(counters(latency({ counts }), load)[0]).toMatchObject({ key: 'lost', value: '2', tone: 'danger' });
  });

  it('are not green while no request is answered, and say how many wait', () => {
    const counts = { ...latency().counts, requests: 20, answered: 12, inFlight: 8 };
    const lost = (state: 'ready' | 'unavailable', throughput: number[], inFlight = 8) =>
      counters(latency({ counts: { ...counts, inFlight }, throughput }), null, state)[0];
    const down = { value: '0', tone: 'warning', note: '8 requests wait for devices' };
    expect(lost('unavailable', [9, 0])).toMatchObject(down);
    expect(lost('unavailable', [9], 0)).toMatchObject({
      tone: 'warning',
      note: 'requests are not answered at the moment',
    });
    expect(lost('ready', [9, 0, 0, 0], 1)).toMatchObject({
      tone: 'warning',
      note: '1 request waits for an answer',
    });
    expect(lost('ready', [0, 0, 5])).toMatchObject({ tone: 'ok', note: 'all requests were answered' });
    expect(lost('ready', [0, 0, 0], 0)?.tone).toBe('ok');
  });

  it('are quiet about zeros', () => {
    const rescued = counters(null, null, 'ready', 'devices-only').find(({ key }) => key === 'rescued');
    expect(rescued?.note).toBe('the data plane computes no shards');
    const quiet = counters(latency(), null);
    expect(['recovered', 'rescued', 'failed'].map((key) => tone(key, quiet))).toEqual([
      'quiet',
      'quiet',
      'quiet',
    ]);
    const counts = { ...latency().counts, recovered: 1204, recoveredShards: 1300 };
    expect(counters(latency({ counts }), null).find(({ key }) => key === 'recovered')).toMatchObject({
      value: '1,204',
      note: '1,300 shards from parity',
      tone: 'parity',
    });
  });

  it('do not report damage when answers are only late', () => {
    const counts = { ...latency().counts, recovered: 98, recoveredShards: 98 };
    const note = (unanswered: number) =>
      counters(latency({ counts, comparison: comparison({ requests: 98, unanswered }) }), null).find(
        ({ key }) => key === 'recovered',
      )?.note;
    expect(note(0)).toBe('the slowest answer was not needed');
    expect(note(1)).toContain('from parity');
  });

  it('show the throughput of the last second', () => {
    expect(throughputNow(latency({ throughput: [10, 31, 240] }))).toBe(240);
    expect(throughputNow(null)).toBe(0);
  });
});
