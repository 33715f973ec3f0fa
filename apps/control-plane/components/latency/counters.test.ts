import { describe, expect, it } from 'vitest';
import { latency, percentiles } from '../testing/view-fixtures.ts';
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

  it('have a green headline only if no request is lost, wrong or failed', () => {
    const headline = (change: object) => {
      const counts = { ...latency().counts, ...change };
      const list = counters(latency({ counts }), null);
      return { ...list[0], wrong: tone('wrong', list), failed: tone('failed', list) };
    };
    expect(headline({})).toMatchObject({ tone: 'ok', wrong: 'quiet', failed: 'quiet' });
    expect(headline({ corrupt: 22 })).toMatchObject({
      key: 'lost',
      value: '0',
      tone: 'warning',
      note: 'but 22 wrong',
      wrong: 'danger',
    });
    expect(headline({ corrupt: 1, failed: 3 })).toMatchObject({
      tone: 'warning',
      note: 'but 1 wrong, 3 failed',
      failed: 'danger',
    });
    expect(headline({ lost: 1, corrupt: 1 }).tone).toBe('danger');
  });

  it('do not claim that unchecked answers are right', () => {
    const strip = (corrupt: number, checked: boolean) => {
      const counts = { ...latency().counts, corrupt };
      const [lost, wrong] = counters(latency({ counts }), null, 'ready', 'off', checked);
      return { lost, wrong };
    };
    expect(strip(0, false)).toMatchObject({
      lost: { value: '0', tone: 'plain', note: 'all requests were answered, unchecked' },
      wrong: { value: '–', tone: 'quiet', note: 'answers are not checked' },
    });
    // They were checked before the policy changed.
    expect(strip(2, false)).toMatchObject({
      lost: { tone: 'warning', note: 'but 2 wrong' },
      wrong: { value: '2', tone: 'danger' },
    });
    expect(strip(0, true)).toMatchObject({ lost: { tone: 'ok' }, wrong: { value: '0' } });
  });

  it('distinguish a slow device from a failed one', () => {
    const counts = { ...latency().counts, recovered: 1_204, outran: 1_204 };
    const list = (change: object) => counters(latency({ counts: { ...counts, ...change } }), null);
    const find = (key: string, all: ReturnType<typeof counters>) => all.find((entry) => entry.key === key);
    expect(find('outran', list({}))).toMatchObject({ value: '1,204', tone: 'plain' });
    expect(find('survived', list({}))).toMatchObject({
      value: '0',
      tone: 'quiet',
      note: 'no request needed parity for a failed device',
    });
    expect(find('survived', list({ outran: 1_200, survived: 4 }))).toMatchObject({
      value: '4',
      tone: 'parity',
      note: 'its shard came from parity',
    });
  });

  it('are quiet about zeros', () => {
    const rescued = (rule?: 'devices' | 'off') =>
      counters(null, null, 'ready', rule).find(({ key }) => key === 'rescued')?.note;
    expect(rescued()).toBe('computed by the data plane');
    expect(rescued('devices')).toBe('the data plane computes no shards');
    expect(rescued('off')).toBe('the data plane computes no shards');
    const quiet = counters(latency(), null);
    for (const key of ['outran', 'survived', 'rescued', 'failed']) expect(tone(key, quiet)).toBe('quiet');
  });

  it('show the throughput of the last second', () => {
    expect(throughputNow(latency({ throughput: [10, 31, 240] }))).toBe(240);
    expect(throughputNow(null)).toBe(0);
  });
});
