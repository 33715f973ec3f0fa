import type { CoordinatorEvent } from '@sparewheel/coordinator';
import type { FaultEvent } from '@sparewheel/data-plane-client';
import type { InjectedFault } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { DeviceConditions } from './device-conditions.ts';

type Event = CoordinatorEvent | FaultEvent;
const nameOf = (device: string) => `pi-${device}`;

function observing() {
  const conditions = new DeviceConditions();
  return {
    /** Returns the cause of the period that the event begins. */
    observe: (event: Event) => conditions.observe(event, nameOf)?.cause ?? null,
    healthy: () => conditions.describe(['1', '2'], nameOf) === 'healthy',
    condition: () => conditions.describe(['1', '2'], nameOf),
  };
}

const DELAY = { kind: 'delay', ms: 50, sigma: 0 } as const;
const SLOW = { kind: 'slow', factor: 2 } as const;
const injected = (
  device: string,
  fault: InjectedFault,
  active: readonly InjectedFault[] = [fault],
): Event => ({ kind: 'fault-injected', device, fault, active });
const healed = (
  device: string,
  ended: Extract<FaultEvent, { kind: 'fault-healed' }>['ended'],
  active: readonly InjectedFault[] = [],
): Event => ({ kind: 'fault-healed', device, ended, active });
const back: Event = {
  kind: 'install-finished',
  deployment: 'lenet5',
  seat: 0,
  device: '1',
  transferredBytes: 0,
};

describe('the condition of the devices', () => {
  it('changes once for a kill and the loss that it causes, and ends when the device serves again', () => {
    const { observe, condition, healthy } = observing();
    expect(healthy()).toBe(true);
    expect(observe(injected('1', { kind: 'kill' }))).toBe('fault');
    expect(observe({ kind: 'device-lost', device: '1', reason: 'closed' })).toBeNull();
    expect(condition()).toBe('pi-1 killed');
    expect(observe({ kind: 'device-returned', device: '1' })).toBeNull();
    expect(observe(back)).toBe('revival');
    expect(healthy()).toBe(true);
  });

  it('keeps an injected delay while other devices fail', () => {
    const { observe, condition } = observing();
    observe(injected('2', DELAY));
    observe({ kind: 'device-lost', device: '1', reason: 'closed' });
    expect(condition()).toBe('pi-1 lost, pi-2 delay 50 ms');
    expect(observe(healed('2', 'all'))).toBe('revival');
    expect(condition()).toBe('pi-1 lost');
  });

  it('keeps the faults that are left when one of several ends', () => {
    const { observe, condition, healthy } = observing();
    observe(injected('1', DELAY));
    expect(observe(injected('1', SLOW, [DELAY, SLOW]))).toBe('fault');
    expect(condition()).toBe('pi-1 delay 50 ms and slow × 2');
    expect(observe(healed('1', 'delay', [SLOW]))).toBe('fault');
    expect(condition()).toBe('pi-1 slow × 2');
    expect(observe(injected('1', { kind: 'pause' }, [{ kind: 'pause' }, SLOW]))).toBe('fault');
    observe(healed('1', 'pause', [SLOW]));
    expect(condition()).toBe('pi-1 slow × 2');
    expect(observe(healed('1', 'slow'))).toBe('revival');
    expect(healthy()).toBe(true);
  });

  it('stays paused when a delay that does not exist is ended', () => {
    const { observe, condition } = observing();
    observe(injected('1', { kind: 'pause' }));
    expect(observe(healed('1', 'delay', [{ kind: 'pause' }]))).toBeNull();
    expect(condition()).toBe('pi-1 paused');
  });

  it('distinguishes a silent device from one that answers again, and a quarantined one until its release', () => {
    const { observe, condition, healthy } = observing();
    expect(observe({ kind: 'device-silent', device: '1' })).toBe('fault');
    expect(observe({ kind: 'device-answering', device: '1' })).toBe('revival');
    expect(observe({ kind: 'device-quarantined', device: '1', reason: 'wrong' })).toBe('fault');
    expect(observe(back)).toBeNull();
    expect(condition()).toBe('pi-1 quarantined');
    expect(observe({ kind: 'device-released', device: '1' })).toBe('revival');
    expect(healthy()).toBe(true);
  });

  it('ignores events without a relevant change', () => {
    const { observe } = observing();
    expect(observe({ kind: 'device-joined', device: '1' })).toBeNull();
    expect(observe(back)).toBeNull();
    expect(observe({ kind: 'deployment-state', deployment: 'x', state: 'ready', reason: null })).toBeNull();
  });
});
