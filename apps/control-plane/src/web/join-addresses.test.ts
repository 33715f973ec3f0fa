import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { joinAddresses } from './join-addresses.ts';

const address = (text: string, internal = false) => ({ address: text, internal }) as NetworkInterfaceInfo;
const INTERFACES = {
  lo: [address('127.0.0.1', true), address('::1', true)],
  docker0: [address('172.17.0.1')],
  wlan0: [address('fe80::1'), address('fd00::2'), address('192.168.1.20')],
  eth0: [address('10.0.0.7')],
};
const listener = (host: string) => ({ host, port: 3000, dataPort: 3001 });
const hostsAt = (host: string) =>
  joinAddresses(listener(host), INTERFACES).addresses.map(({ hostname }) => hostname);

describe('the addresses to join', () => {
  it('are those of every network, with container networks last', () => {
    expect(joinAddresses(listener('0.0.0.0'), INTERFACES)).toEqual({
      host: '0.0.0.0',
      addresses: [
        {
          hostname: '192.168.1.20',
          interface: 'wlan0',
          dashboard: 'http://192.168.1.20:3000',
          dataPlane: 'http://192.168.1.20:3001',
        },
        {
          hostname: '10.0.0.7',
          interface: 'eth0',
          dashboard: 'http://10.0.0.7:3000',
          dataPlane: 'http://10.0.0.7:3001',
        },
        {
          hostname: '172.17.0.1',
          interface: 'docker0',
          dashboard: 'http://172.17.0.1:3000',
          dataPlane: 'http://172.17.0.1:3001',
        },
      ],
    });
  });

  it('include IPv6 in brackets where the servers listen on it, without link-local addresses', () => {
    expect(hostsAt('::')).toEqual(['192.168.1.20', '10.0.0.7', '[fd00::2]', '172.17.0.1']);
  });

  it('are none on loopback, and the configured address otherwise', () => {
    for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1']) expect(hostsAt(host)).toEqual([]);
    expect(hostsAt('10.0.0.7')).toEqual(['10.0.0.7']);
    expect(hostsAt('fd00::2')).toEqual(['[fd00::2]']);
    expect(hostsAt('sparewheel.local')).toEqual(['sparewheel.local']);
    expect(joinAddresses(listener('0.0.0.0'), { lo: INTERFACES.lo }).addresses).toEqual([]);
  });
});
