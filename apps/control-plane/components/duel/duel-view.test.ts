import type { DeploymentView, EventView, OutageView } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { answerStatistics, deployment, device, seat } from '../testing/view-fixtures.ts';
import {
  copyRule,
  coverNote,
  duelOf,
  duelRows,
  emulatedFaults,
  interruptionsOf,
  laneStatus,
  noTwinReason,
  percentileText,
} from './duel-view.ts';

const coded = deployment(4, 1, { twin: 'lenet5-uncoded' });
const twin = deployment(4, 0, { name: 'lenet5-uncoded', strategy: 'uncoded', mirrorOf: 'lenet5' });

const OUTAGE: OutageView = {
  phase: 'detecting',
  since: '2026-01-01T00:00:00.000Z',
  phaseSince: '2026-01-01T00:00:00.000Z',
  device: 'id-d3',
  deviceName: 'd3',
  seat: 2,
  to: null,
  toName: null,
  waiting: 8,
};

const CHECKED = { coded: true, uncoded: true };

describe('the duel', () => {
  it('has the coded deployment above, whichever of both is selected', () => {
    for (const selected of [coded, twin]) {
      expect(duelOf([coded, twin], selected)).toEqual({ coded, uncoded: twin });
    }
    expect(duelOf([coded], coded)).toEqual({ coded, uncoded: null });
    expect(duelOf([twin], twin)).toBeNull();
    const copy = deployment(4, 1, { name: 'copy', mirrorOf: 'lenet5' });
    expect(duelOf([copy, coded, twin], coded)).toEqual({ coded, uncoded: twin });
    expect(duelOf([copy, coded, twin], copy)).toBeNull();
    expect(duelOf([copy, { ...coded, twin: null }], { ...coded, twin: null })!.uncoded).toBeNull();
    expect(duelOf([], null)).toBeNull();
  });

  it('says in one sentence why there is none', () => {
    expect(noTwinReason(coded)).toBeNull();
    expect(noTwinReason(deployment(4, 1, { mirrorOf: 'other' }))).toContain('is a mirror of other');
    expect(noTwinReason(deployment(4, 0, { strategy: 'uncoded' }))).toContain('is uncoded itself');
    expect(noTwinReason(deployment(4, 1, { coverage: null }))).toContain('nothing to compare');
    expect(noTwinReason(deployment(1, 1, { runsWhole: 'It runs whole.' }))).toContain('runs undivided');
    expect(noTwinReason(deployment(4, 1, { strategy: 'replicated' }))).toContain('replicas');
  });
});

describe('the state of a lane', () => {
  it('names what a stalled lane waits for, and counts from the failure', () => {
    const at = (change: Partial<OutageView>) =>
      laneStatus({ ...twin, outage: { ...OUTAGE, ...change } }, true);
    expect(at({})).toEqual({
      tone: 'danger',
      text: 'stalled: detecting the failure of d3',
      clockFrom: Date.parse(OUTAGE.since),
    });
    expect(at({ phase: 'redistributing', toName: 'd1' }).text).toBe('stalled: redistributing shard 2 to d1');
    expect(at({ phase: 'redistributing' }).text).toBe('stalled: redistributing shard 2');
    expect(at({ phase: 'waiting', deviceName: null }).text).toBe('stalled: waiting for seat 2 or a standby');
  });

  it('says that a lane answers without a device, or slower', () => {
    const seats = [seat(0, 'data', 'd1'), seat(1, 'data', 'd2', { state: 'down' })];
    const progress = { ...coded.progress, seats };
    expect(laneStatus({ ...coded, progress }, true)).toMatchObject({
      tone: 'warning',
      text: 'answering without d2',
      clockFrom: null,
    });
    const slower = [
      seat(0, 'data', 'd1'),
      seat(1, 'data', 'd2', { state: 'down', substituteName: 'd1', substituteState: 'computing' }),
    ];
    expect(laneStatus({ ...twin, progress: { ...progress, seats: slower } }, true).text).toBe(
      'slower: d1 has two shards',
    );
    const loading = slower.map((each) =>
      each.substituteName ? { ...each, substituteState: 'loading' as const } : each,
    );
    expect(laneStatus({ ...twin, progress: { ...progress, seats: loading } }, true).text).toBe(
      'answering without d2',
    );
    expect(laneStatus(coded, true)).toMatchObject({ tone: 'ok', text: 'answering' });
    expect(laneStatus(coded, false)).toMatchObject({ tone: 'ok', text: 'ready' });
    expect(laneStatus({ ...twin, state: 'preparing' }, true).text).toBe('being set up');
    expect(laneStatus({ ...twin, state: 'deleting', outage: OUTAGE }, true).text).toBe('being deleted');
  });
});

describe('the warning before a kill', () => {
  const missing = (k: number, r: number, down: number, change: Partial<DeploymentView> = {}) => {
    const whole = deployment(k, r, { state: down > 0 ? 'degraded' : 'ready' });
    const seats = whole.progress.seats.map((each) =>
      each.seat < down ? { ...each, state: 'down' as const } : each,
    );
    const policy = { ...whole.policy, rescue: 'off' as const };
    return { ...whole, policy, progress: { ...whole.progress, seats }, ...change };
  };

  it('comes exactly when no answer is to spare', () => {
    const none = 'No standby is left: the next kill is not covered.';
    for (const r of [1, 2, 3]) {
      for (let down = 0; down <= r; down++) {
        expect(coverNote(missing(4, r, down), 0)).toBe(down < r ? null : none);
      }
    }
    expect(coverNote(missing(4, 1, 1), 1)).toBe(
      'Until a standby has the missing shard, the next kill is not covered.',
    );
    const rescued = missing(4, 1, 1);
    const policy = { ...rescued.policy, rescue: 'data-plane' as const };
    expect(coverNote({ ...rescued, policy }, 0)).toBeNull();
    // It is stalled already.
    expect(coverNote(missing(4, 1, 2, { state: 'unavailable' }), 0)).toBeNull();
    expect(coverNote(missing(4, 1, 1, { outage: OUTAGE }), 0)).toBeNull();
  });
});

describe('the interruptions of a lane', () => {
  const event = (kind: string, at: string, change: Partial<EventView> = {}): EventView => ({
    id: 1,
    at,
    level: 'info',
    kind,
    message: '',
    device: null,
    deployment: twin.name,
    ...change,
  });

  it('come from the measured durations of events', () => {
    const events = [
      event('slowdown-ended', '2026-01-01T00:00:20Z', { durationMs: 10_000 }),
      event('outage-ended', '2026-01-01T00:00:10Z', { durationMs: 2_800 }),
      event('outage-ended', '2026-01-01T00:00:10Z', { durationMs: 500, deployment: 'other' }),
      event('outage-began', '2026-01-01T00:00:07Z'),
    ];
    const start = Date.parse('2026-01-01T00:00:00Z');
    expect(interruptionsOf(twin, events)).toEqual([
      { kind: 'slowdown', from: start + 10_000, to: start + 20_000 },
      { kind: 'outage', from: start + 7_200, to: start + 10_000 },
    ]);
    expect(interruptionsOf({ ...twin, outage: OUTAGE }, [])).toEqual([
      { kind: 'outage', from: start, to: null },
    ]);
  });

  it('show a slowdown that lasts', () => {
    const seats = [
      seat(0, 'data', 'd1', { state: 'down', substituteName: 'd2', substituteState: 'computing' }),
    ];
    const slow = { ...twin, progress: { ...twin.progress, seats } };
    const finished = event('redistribution-finished', '2026-01-01T00:00:03Z', { durationMs: 400 });
    expect(interruptionsOf(slow, [finished])).toEqual([
      { kind: 'slowdown', from: Date.parse('2026-01-01T00:00:03Z'), to: null },
    ]);
  });
});

describe('the numbers of both lanes', () => {
  const texts = (rows: ReturnType<typeof duelRows>) =>
    Object.fromEntries(rows.map(({ key, coded: a, uncoded: b }) => [key, [a, b]]));

  it('are dashes before the first answer, and without a twin', () => {
    const rows = duelRows(
      answerStatistics({ answered: 0, histogram: [] }),
      null,
      { coded: 0, uncoded: null },
      CHECKED,
    );
    expect(texts(rows)).toEqual({
      p50: ['–', '–'],
      p95: ['–', '–'],
      p99: ['–', '–'],
      lost: ['0', '–'],
      failed: ['0', '–'],
      wrong: ['0', '–'],
      skipped: ['–', '–'],
    });
  });

  it('count waiting requests: a percentile that they will raise is a lower bound', () => {
    const stalled = answerStatistics({ p95: 3_200, p99: 3_200, atLeast: ['p95', 'p99'] });
    const rows = duelRows(answerStatistics(), stalled, { coded: 0, uncoded: 0 }, CHECKED);
    expect(texts(rows)).toMatchObject({
      p50: ['4.00 ms', '4.00 ms'],
      p95: ['6.00 ms', '≥ 3.20 s'],
      p99: ['9.00 ms', '≥ 3.20 s'],
    });
    expect(rows.filter(({ uncodedBad }) => uncodedBad).map(({ key }) => key)).toEqual(['p95', 'p99']);
    // On a busy machine, requests may wait a little without a stall.
    const busy = answerStatistics({ p99: 260, atLeast: ['p99'] });
    const busyRows = duelRows(busy, busy, { coded: 0, uncoded: 0 }, CHECKED);
    expect(texts(busyRows).p99).toEqual(['≥ 260 ms', '≥ 260 ms']);
    expect(busyRows.filter(({ codedBad, uncodedBad }) => codedBad || uncodedBad)).toEqual([]);
    const silent = answerStatistics({ answered: 0, histogram: [], p50: 700, atLeast: ['p50'] });
    expect(percentileText(silent, 'p50')).toBe('≥ 700 ms');
    expect(percentileText({ ...silent, atLeast: [] }, 'p50')).toBe('–');
  });

  it('do not claim that unchecked answers are right', () => {
    const lost = { coded: 0, uncoded: 0 };
    const wrong = (ofUncoded: number, uncoded: boolean) =>
      texts(
        duelRows(answerStatistics(), answerStatistics({ wrong: ofUncoded }), lost, { coded: true, uncoded }),
      ).wrong;
    expect(wrong(0, false)).toEqual(['0', 'not checked']);
    expect(wrong(0, true)).toEqual(['0', '0']);
    expect(wrong(2, false)).toEqual(['0', '2']);
  });

  it('count the copies that the twin did not get, which are no loss', () => {
    const skipping = answerStatistics({ skipped: 512 });
    const rows = duelRows(answerStatistics(), skipping, { coded: 0, uncoded: 0 }, CHECKED);
    expect(texts(rows).skipped).toEqual(['–', '512']);
    expect(rows.filter(({ uncodedBad }) => uncodedBad)).toEqual([]);
    const load = { running: true, concurrency: 8 } as NonNullable<DeploymentView['load']>;
    expect(copyRule({ load })).toContain('fewer than 8 in flight');
    for (const other of [null, { ...load, concurrency: null }, { ...load, running: false }]) {
      expect(copyRule({ load: other })).toContain('a copy of each request at once');
    }
  });

  it('mark each loss', () => {
    const slow = answerStatistics({ p99: 2_810, failed: 12 });
    const rows = duelRows(answerStatistics(), slow, { coded: 0, uncoded: 3 }, CHECKED);
    expect(texts(rows)).toMatchObject({ p99: ['9.00 ms', '2.81 s'], failed: ['0', '12'], lost: ['0', '3'] });
    expect(rows.filter(({ codedBad }) => codedBad)).toEqual([]);
    expect(rows.filter(({ uncodedBad }) => uncodedBad).map(({ key }) => key)).toEqual(['lost', 'failed']);
  });
});

it('names emulated faults of the duel’s devices only', () => {
  const devices = [
    device('d1', { faults: [{ kind: 'delay', ms: 50, sigma: 0 }] }),
    device('d2'),
    device('elsewhere', { faults: [{ kind: 'drop', probability: 0.3 }] }),
  ];
  expect(emulatedFaults(devices, { coded, uncoded: twin })).toEqual(['d1: delay 50 ms']);
});
