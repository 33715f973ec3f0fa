import { describe, expect, it } from 'vitest';
import {
  addressChoices,
  dataPlaneUrl,
  installCommand,
  joinCommand,
  reachProblem,
} from './join-command-view.ts';

const wifi = {
  hostname: '192.168.1.20',
  interface: 'wlan0',
  dashboard: 'http://192.168.1.20:3000',
  dataPlane: 'http://192.168.1.20:3001',
};

describe('the addresses for a new device', () => {
  it('begin with a network of the machine when the page was opened at a local address', () => {
    const choices = addressChoices('http://127.0.0.1:3001', { host: '0.0.0.0', addresses: [wifi] });
    expect(choices.map(({ label }) => label)).toEqual([
      '192.168.1.20 (wlan0)',
      '127.0.0.1 (this machine only)',
    ]);
    expect(choices[0]).toMatchObject({ dataPlane: wifi.dataPlane, onlyThisMachine: false });
  });

  it('begin with the address by which another machine has opened the page, once', () => {
    const choices = addressChoices(wifi.dataPlane, { host: '0.0.0.0', addresses: [wifi] });
    expect(choices).toEqual([
      {
        label: '192.168.1.20 (as this page was opened)',
        dataPlane: wifi.dataPlane,
        dashboard: null,
        onlyThisMachine: false,
      },
    ]);
  });

  it('are only the local one without a network, with the reason', () => {
    const known = { host: '127.0.0.1', addresses: [] };
    expect(addressChoices('http://127.0.0.1:3001', known)).toHaveLength(1);
    expect(reachProblem(known)).toContain('start it with HOST=0.0.0.0');
    expect(reachProblem({ host: '0.0.0.0', addresses: [] })).toContain('no network address');
    expect(reachProblem({ host: '0.0.0.0', addresses: [wifi] })).toBeNull();
  });
});

describe('the join command', () => {
  it('contains the origin of the data plane', () => {
    expect(dataPlaneUrl('http://127.0.0.1:3001/v2')).toBe('http://127.0.0.1:3001');
    expect(joinCommand('http://10.0.0.2:3001', { name: '', count: 4 })).toBe(
      'npm run agent -- --url http://10.0.0.2:3001 --token JOIN_TOKEN --count 4',
    );
  });

  it('installs the agent from the dashboard, with the same options', () => {
    const choice = { name: 'kitchen pi', count: 2 };
    expect(installCommand('http://10.0.0.2:3000', choice, 'T')).toBe(
      'curl -fsSL http://10.0.0.2:3000/join/install.sh | sh -s -- T --name kitchen-pi --count 2',
    );
    expect(installCommand('http://10.0.0.2:3000', { name: '', count: 1 }, null)).toMatch(/-- JOIN_TOKEN$/);
  });

  it('turns any input into a valid device name that is safe in a shell', () => {
    const nameIn = (name: string) =>
      joinCommand('http://h:1', { name, count: 1 }, 'T').replace(
        'npm run agent -- --url http://h:1 --token T',
        '',
      );
    expect(nameIn('kitchen pi')).toBe(' --name kitchen-pi');
    expect(nameIn(" $(reboot); 'Küche' ")).toBe(' --name reboot-K-che');
    expect(nameIn('-')).toBe('');
    expect(nameIn('x'.repeat(200))).toBe(` --name ${'x'.repeat(90)}`);
  });
});
