import { faultRequestSchema } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { device } from '../testing/view-fixtures.ts';
import { deviceActions, FAULTS, forgetTitle, killTitle, releaseTitle, reviveTitle } from './fault-view.ts';

describe('faults', () => {
  it('are valid for the API, and so are their undo requests', () => {
    for (const { request, undo } of FAULTS) {
      expect(faultRequestSchema.safeParse(request).success).toBe(true);
      expect(faultRequestSchema.safeParse(undo).success).toBe(true);
    }
  });

  it('are offered to a running device, and a revival to a stopped one', () => {
    expect(deviceActions(device('a'))).toEqual({
      kill: true,
      revive: false,
      release: false,
      forget: false,
      heal: false,
      fault: true,
    });
    expect(deviceActions(device('a', { state: 'dead' }))).toMatchObject({ kill: false, revive: true });
    expect(deviceActions(device('a', { state: 'paused' }))).toMatchObject({ kill: true, revive: true });
    const departed = device('a', { state: 'lost', supervised: false });
    expect(deviceActions(departed)).toMatchObject({ kill: false, revive: false, forget: true });
    expect(deviceActions(device('a', { faults: [{ kind: 'delay', ms: 50, sigma: 0 }] })).heal).toBe(true);
  });

  it('describe their effect', () => {
    expect(killTitle(device('local-3'))).toContain('Kill local-3: ends its process at once (SIGKILL)');
    const quarantined = device('local-3', { state: 'quarantined' });
    expect(deviceActions(quarantined)).toMatchObject({ kill: true, revive: false, release: true });
    expect(releaseTitle(quarantined)).toContain('Release local-3: ends its quarantine.');
    expect(forgetTitle(device('local-3'))).toContain('If it joins again, it is a new device.');
    // After a change of plans, a returning device may lack its new shard.
    expect(reviveTitle(device('local-3', { state: 'dead' }))).not.toContain('nothing is sent');
    expect(killTitle(device('local-3'), 'mnist')).toContain('mnist does not use this device.');
  });
});
