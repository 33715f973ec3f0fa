import type { DeviceReport, TabDeviceState } from '@sparewheel/device/browser';
import { describe, expect, it } from 'vitest';
import {
  defaultName,
  joinMeasures,
  joinView,
  layerText,
  platformOf,
  seatText,
  sleepNote,
} from './join-page-view.ts';

const report: DeviceReport = {
  connection: 'joined',
  refusal: null,
  partitioned: false,
  storage: 'lasting',
  blobs: 1,
  storeBytes: 120_000,
  memoryBytes: 33_000_000,
  tasks: 5,
  inFlight: 0,
  answers: 1_234,
  recent: [],
  slept: null,
  computeMs: 0.42,
};
const running = (changes: Partial<DeviceReport>): TabDeviceState => ({
  phase: 'running',
  problem: null,
  report: { ...report, ...changes },
});
const refused = (code: 'unauthorized' | 'wrong-identity' | 'unavailable') =>
  running({ connection: 'connecting', refusal: { code, message: 'no' } });

describe('the join page', () => {
  it.each<[string, TabDeviceState, string, string | undefined]>([
    ['starts', { phase: 'running', problem: null, report: null }, 'Starting', undefined],
    ['connects', running({ connection: 'connecting' }), 'Joining', undefined],
    ['waits for a shard', running({ tasks: 0 }), 'Joined', undefined],
    ['serves', running({}), 'Serving', undefined],
    ['lost its connection', running({ connection: 'lost' }), 'Connection lost', undefined],
    ['is partitioned', running({ partitioned: true }), 'Partitioned', 'heal'],
    ['was killed', { phase: 'killed', problem: null, report }, 'Killed', 'revive'],
    ['crashed', { phase: 'failed', problem: 'out of memory', report }, 'Not running', 'revive'],
    ['has a wrong token', refused('unauthorized'), 'Refused', 'other-token'],
    ['has the identity of another device', refused('wrong-identity'), 'Refused', 'new-identity'],
    ['comes too early', refused('unavailable'), 'Not joined yet', undefined],
  ])('says what happens when the device %s, and what to do', (_what, state, headline, action) => {
    const view = joinView(state);
    expect({ headline: view.headline, action: view.action?.kind }).toEqual({ headline, action });
    expect(view.detail).toMatch(/\.$/);
  });

  it('does not claim that every request needs the device: its seat may be in the twin only', () => {
    expect(joinView(running({})).detail).toBe('Computing its part of each request to the deployments below.');
  });

  it('shows measurements with units, and none before the first report', () => {
    const values = (state: TabDeviceState) => joinMeasures(state).map(({ value }) => value);
    expect(values(running({}))).toEqual(['0.42 ms', '120 KB', '33.0 MB']);
    expect(values({ phase: 'running', problem: null, report: null })).toEqual(['–', '0 B', '–']);
  });

  it('counts only shards that survive a kill', () => {
    const killed = (storage: DeviceReport['storage']) =>
      joinMeasures({ phase: 'killed', problem: null, report: { ...report, storage } }).slice(1);
    expect(killed('lasting')).toMatchObject([{ value: '120 KB', hint: '1 file, 0 loaded' }, { value: '–' }]);
    expect(killed('memory')).toMatchObject([{ value: '0 B', hint: '0 files, 0 loaded' }, { value: '–' }]);
  });

  it('says who killed the device', () => {
    expect(joinView({ phase: 'killed', problem: null, report, killedBy: 'page' }).detail).toMatch(
      /^You ended/,
    );
    expect(joinView({ phase: 'killed', problem: null, report, killedBy: 'dashboard' }).detail).toMatch(
      /^The dashboard ended/,
    );
  });

  it('says for a minute that the device slept and counted as failed', () => {
    const slept = running({ slept: { endedAt: 100_000, ms: 42_300 } });
    expect(sleepNote(slept, 101_000)).toMatch(
      /slept for 42 seconds.*continued without it.*returns by itself/,
    );
    expect(sleepNote(slept, 161_000)).toBeNull();
    expect(sleepNote(running({}), 101_000)).toBeNull();
  });

  it('names its seat and its rows', () => {
    const layer = (change: object) => ({
      layer: 'fc1',
      rows: null,
      of: 120,
      kind: 'sum' as const,
      ...change,
    });
    expect(seatText({ deployment: 'lenet5', seat: 2, role: 'data', layers: [] })).toBe(
      'Seat 2 of lenet5, data',
    );
    expect(layerText(layer({ rows: { from: 30, to: 60 }, kind: 'rows' }))).toBe('fc1: rows 31 to 60 of 120');
    expect(layerText(layer({ rows: { from: 4, to: 5 }, kind: 'rows' }))).toBe('fc1: row 5 of 120');
    expect(layerText(layer({}))).toBe('fc1: the sum of all blocks (parity)');
    expect(layerText(layer({ kind: 'whole' }))).toBe('fc1: the whole step');
  });

  it('names a device after its system, and its platform after its browser', () => {
    const pixel =
      'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36';
    expect(defaultName(pixel, 'tab-0011223344556677')).toBe('android-6677');
    expect(platformOf(pixel)).toBe('android, Chrome 143');
    expect(platformOf('something else')).toBe('unknown system, browser');
  });
});
