import type { NetworkDeviceView, NetworkView } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { emulatedNetwork, presetExceptions, presetReach } from './preset-view.ts';

const device = (name: string, state: NetworkDeviceView['state'], reason: string | null = null) => ({
  device: `id-${name}`,
  name,
  state,
  reason,
});
const wifi = (...devices: NetworkDeviceView[]): { network: NetworkView } => ({
  network: { preset: 'paper-wifi', devices },
});

describe('a network preset', () => {
  it('is always labeled as emulated', () => {
    expect(emulatedNetwork({ network: null })).toBeNull();
    expect(emulatedNetwork(wifi())).toBe('Paper’s WiFi, emulated');
    expect(emulatedNetwork({ network: { preset: 'off', devices: [device('a', 'unreachable')] } })).toBe(
      'Emulated network is ending',
    );
  });

  it('counts the devices that emulate it', () => {
    expect(presetReach(wifi(device('a', 'applied'), device('b', 'changed')))).toBe('Emulated on 2 devices.');
    expect(presetReach(wifi(device('a', 'applied'), device('b', 'pending')))).toBe(
      'Emulated on 1 of 2 devices.',
    );
    expect(presetReach({ network: null })).toBeNull();
  });

  it('names each device that it does not reach, with the reason', () => {
    const lost = device('a', 'unreachable', 'it is not connected; it follows when it returns');
    const tab = device('b', 'impossible', 'its speed was not measured');
    expect(presetExceptions(wifi(lost, tab, device('c', 'applied')))).toEqual([
      { device: 'id-a', text: 'a cannot be changed now: it is not connected; it follows when it returns.' },
      { device: 'id-b', text: 'b is not changed: its speed was not measured.' },
    ]);
    expect(
      presetExceptions({ network: { preset: 'off', devices: [device('a', 'unreachable', 'it is paused')] } }),
    ).toEqual([{ device: 'id-a', text: 'a cannot be restored now: it is paused.' }]);
  });
});
