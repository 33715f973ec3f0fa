import { faultRequestSchema } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import {
  deploymentShape,
  deploymentStatus,
  seatFraction,
  selectedDeployment,
} from './control/deployment-status.ts';
import { describeWait, waitKind, waitOf } from './control/policy.ts';
import { deviceActions, FAULTS, killTitle } from './faults/fault-view.ts';
import { deployment, device, seat } from './testing/view-fixtures.ts';
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDims,
  formatMagnitude,
  formatMs,
  formatPercent,
} from './ui/format.ts';

describe('numbers', () => {
  it('have three digits and a unit', () => {
    expect([0.417, 4.211, 42.06, 421.4, 4211, null].map(formatMs)).toEqual([
      '0.42 ms',
      '4.21 ms',
      '42.1 ms',
      '421 ms',
      '4.21 s',
      '–',
    ]);
    expect([0, 999, 48_300_000, 2.1e9].map(formatBytes)).toEqual(['0 B', '999 B', '48.3 MB', '2.10 GB']);
    expect([12, 61_706, 138e6].map(formatMagnitude)).toEqual(['12', '61.7 k', '138 M']);
    expect(formatCount(1234567)).toBe('1,234,567');
    expect([1, 0.934].map((share) => formatPercent(share))).toEqual(['100 %', '93.4 %']);
    expect(formatDims([1, -1, 28])).toBe('1 × any × 28');
  });

  it('say how long ago, and take a clock that runs ahead for now', () => {
    const at = '2026-01-01T00:00:00.000Z';
    const after = (seconds: number) => formatAgo(at, Date.parse(at) + seconds * 1000);
    expect([-5, 1, 12, 200, 7300, 200_000].map(after)).toEqual([
      'just now',
      'just now',
      '12 s ago',
      '3 min ago',
      '2 h ago',
      '2 d ago',
    ]);
  });
});

describe('faults', () => {
  it('are all requests that the API takes, and so is what undoes them', () => {
    for (const { request, undo } of FAULTS) {
      expect(faultRequestSchema.safeParse(request).success).toBe(true);
      expect(faultRequestSchema.safeParse(undo).success).toBe(true);
    }
  });

  it('are offered to a device that lives, revival to one that does not', () => {
    expect(deviceActions(device('a'))).toEqual({ kill: true, revive: false, heal: false, fault: true });
    expect(deviceActions(device('a', { state: 'dead' }))).toMatchObject({ kill: false, revive: true });
    expect(deviceActions(device('a', { state: 'paused' }))).toMatchObject({ kill: true, revive: true });
    expect(deviceActions(device('a', { state: 'lost', supervised: false }))).toMatchObject({ revive: false });
    expect(deviceActions(device('a', { faults: ['delay 50 ms'] })).heal).toBe(true);
  });

  it('say what they will do', () => {
    expect(killTitle(device('local-3'))).toContain('Kill local-3: ends its process at once (SIGKILL)');
  });
});

describe('a deployment', () => {
  it('is described by its state, or by the reason where there is one', () => {
    expect(deploymentStatus(deployment(4, 1))).toMatchObject({ label: 'Ready', tone: 'ok', busy: false });
    const failed = deploymentStatus(deployment(4, 1, { state: 'failed', reason: 'out of memory' }));
    expect(failed).toMatchObject({ tone: 'danger', sentence: 'out of memory' });
    expect(deploymentShape(deployment(4, 1))).toBe('4 + 1 coded · coverage 100 %');
  });

  it('is shown while it exists, and the first that serves after', () => {
    const broken = deployment(4, 1, { name: 'broken', state: 'failed' });
    const good = deployment(4, 1, { name: 'good' });
    expect(selectedDeployment([broken, good], 'broken')?.name).toBe('broken');
    expect(selectedDeployment([broken, good], 'deleted')?.name).toBe('good');
    expect(selectedDeployment([], 'deleted')).toBeNull();
  });

  it('is as far as its shards are', () => {
    expect(seatFraction(seat(0, 'data', 'a', { state: 'installing', sentBytes: 25 }))).toBe(0.25);
    expect(seatFraction(seat(0, 'data', 'a', { state: 'ready', totalBytes: 0 }))).toBe(1);
    expect(seatFraction(seat(0, 'data', 'a', { state: 'empty', totalBytes: 0 }))).toBe(0);
  });
});

describe('the waiting rule', () => {
  it('goes from the policy to the control and back', () => {
    for (const waitMs of ['any-k', 'all', 35] as const) expect(waitOf(waitKind(waitMs), 35)).toBe(waitMs);
  });

  it('is said in one sentence', () => {
    expect(describeWait('any-k', 4, 1)).toBe('Decodes as soon as any 4 of 5 answers are in.');
    expect(describeWait(20, 4, 1)).toBe('Prefers the 4 data shards for 20 ms, then decodes from what is in.');
    expect(describeWait('any-k', 4, 0)).toContain('Nothing is coded');
  });
});
