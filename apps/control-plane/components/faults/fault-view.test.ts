import { faultRequestSchema } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { device } from '../testing/view-fixtures.ts';
import { deviceActions, FAULTS, killTitle, reviveTitle } from './fault-view.ts';

describe('faults', () => {
  it('are valid for the API, and so are their undo requests', () => {
    for (const { request, undo } of FAULTS) {
      expect(faultRequestSchema.safeParse(request).success).toBe(true);
      expect(faultRequestSchema.safeParse(undo).success).toBe(true);
    }
  });

  it('are offered to a running device, and a revival to a stopped one', () => {
    expect(deviceActions(device('a'))).toEqual({ kill: true, revive: false, heal: false, fault: true });
    expect(deviceActions(device('a', { state: 'dead' }))).toMatchObject({ kill: false, revive: true });
    expect(deviceActions(device('a', { state: 'paused' }))).toMatchObject({ kill: true, revive: true });
    expect(deviceActions(device('a', { state: 'lost', supervised: false }))).toMatchObject({ revive: false });
    expect(deviceActions(device('a', { faults: ['delay 50 ms'] })).heal).toBe(true);
  });

  it('describe their effect', () => {
    expect(killTitle(device('local-3'))).toContain('Kill local-3: ends its process at once (SIGKILL)');
    const quarantined = device('local-3', { state: 'quarantined' });
    expect(deviceActions(quarantined)).toMatchObject({ kill: true, revive: true });
    expect(reviveTitle(quarantined)).toContain('Release local-3: ends its quarantine.');
  });
});
