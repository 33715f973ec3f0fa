/** Network presets through the API, with a fake data plane whose devices emulate the commands. */
import type { DataPlaneCall } from '@sparewheel/data-plane-client';
import { deviceView, refuse } from '@sparewheel/data-plane-client/testing';
import { type DeviceView, faultSchema, NETWORK_PRESETS, type NetworkView } from '@sparewheel/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestApi } from '../testing/test-api.ts';
import { presetFaults } from './preset-faults.ts';

type SetNetwork = Extract<DataPlaneCall, { kind: 'set-network' }>;

let api: TestApi;
let now = 0;
let fleet: Map<string, DeviceView>;
let seats: string[];

beforeEach(async () => {
  now = 0;
  api = await TestApi.start({ now: () => now });
  await api.deployed();
  fleet = new Map(['1', '2', '3', '4'].map((id) => [`device-000${id}`, deviceView(`device-000${id}`)]));
  seats = ['device-0001', 'device-0002', 'device-0003'];
  api.dataPlane.answers['set-network'] = (body) => {
    const { device, network } = body as SetNetwork;
    change(device, { network: network === null ? null : { preset: network.preset, changed: false } });
    return null;
  };
  report();
});
afterEach(() => api.close());

function change(id: string, to: Partial<DeviceView>): void {
  fleet.set(id, { ...(fleet.get(id) as DeviceView), ...to });
}

function report(): void {
  api.dataPlane.report(
    [...fleet.values()],
    [
      {
        name: 'digits',
        state: 'ready',
        reason: null,
        policy: { waitMs: 'any-k', verify: 'after', deadlineMs: 10_000 },
        seats: seats.map((device, seat) => ({
          seat,
          role: seat === 2 ? 'parity' : 'data',
          device,
          deviceName: device,
          state: 'ready',
          sentBytes: 0,
          totalBytes: 0,
        })),
        load: null,
      },
    ],
  );
}

/** Lets the calls end and reports their effect, until nothing changes. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    report();
  }
}

const choose = (preset: unknown) => api.ask('PUT', '/api/deployments/digits/network', { preset });
const commands = () =>
  (api.dataPlane.callsOf('set-network') as SetNetwork[]).map(({ device, network }) => [
    device,
    network?.preset ?? 'off',
  ]);
const states = async () => {
  const { body } = await api.ask('GET', '/api/deployments/digits/network');
  return Object.fromEntries((body as NetworkView).devices.map(({ device, state }) => [device, state]));
};

describe('a network preset', () => {
  it('applies to the devices that have a seat, and off ends it', async () => {
    expect((await choose('paper-wifi')).status).toBe(202);
    await settle();
    expect(commands()).toEqual(seats.map((device) => [device, 'paper-wifi']));
    expect(await states()).toEqual(Object.fromEntries(seats.map((device) => [device, 'applied'])));
    const [view] = api.deployments.views();
    expect(view?.network?.preset).toBe('paper-wifi');
    await choose('off');
    await settle();
    expect(commands().slice(3)).toEqual(seats.map((device) => [device, 'off']));
    expect(api.deployments.views()[0]?.network).toBeNull();
  });

  it('is sent to a device that takes a seat later, and ended for one that lost it', async () => {
    await choose('ethernet');
    await settle();
    seats = ['device-0001', 'device-0004', 'device-0003'];
    report();
    await settle();
    expect(commands().slice(3)).toEqual([
      ['device-0002', 'off'],
      ['device-0004', 'ethernet'],
    ]);
  });

  it('is sent again to a device whose process restarted', async () => {
    await choose('ethernet');
    await settle();
    change('device-0002', { state: 'dead', connected: false, network: null });
    report();
    expect((await states())['device-0002']).toBe('unreachable');
    await settle();
    expect(commands()).toHaveLength(3);
    change('device-0002', { state: 'ready', connected: true });
    await settle();
    await settle();
    expect(commands().slice(3)).toEqual([['device-0002', 'ethernet']]);
  });

  it('reports a device that cannot be reached with the reason, and tries again after a pause', async () => {
    const works = api.dataPlane.answers['set-network']!;
    api.dataPlane.answers['set-network'] = () => refuse(502, 'no-answer', 'the process is paused');
    await choose('ethernet');
    await settle();
    expect(commands()).toHaveLength(3);
    const { body } = await api.ask('GET', '/api/deployments/digits/network');
    expect(body.devices[0]).toEqual({
      device: 'device-0001',
      name: expect.any(String),
      state: 'unreachable',
      reason: 'the process is paused',
    });
    api.dataPlane.answers['set-network'] = works;
    now = 2_000;
    await settle();
    await settle();
    expect(Object.values(await states())).toEqual(['applied', 'applied', 'applied']);
  });

  it('leaves the faults of an operator alone, and says that they changed', async () => {
    await choose('ethernet');
    await settle();
    change('device-0001', { network: { preset: 'ethernet', changed: true } });
    await settle();
    expect(commands()).toHaveLength(3);
    expect((await states())['device-0001']).toBe('changed');
  });

  it('delays one data device as the straggler, and the same one while it has a seat', async () => {
    await choose('straggler');
    await settle();
    expect(commands()).toEqual([['device-0001', 'straggler']]);
    seats = ['device-0004', 'device-0001', 'device-0003'];
    await settle();
    expect(commands()).toHaveLength(1);
  });

  it('slows a device down from its measured speed, and says where it was not measured', () => {
    const measured = deviceView('device-0001');
    const profile = { multiplyAddsPerSecond: 2e10, memoryBytesPerSecond: 1e10, cores: 2, machine: 'm' };
    const link = { hopMs: null, bytesPerSecond: null };
    expect(presetFaults('pi3', { ...measured, profile: { ...profile, ...link } }, null)).toMatchObject({
      faults: [{ kind: 'slow', factor: 5 }],
    });
    const slow = { ...profile, ...link, multiplyAddsPerSecond: 1e9 };
    expect(presetFaults('pi3', { ...measured, profile: slow }, null)).toMatchObject({
      faults: [{ factor: 1 }],
    });
    expect(presetFaults('pi3', { ...measured, profile: null }, null)).toBe('its speed was not measured');
  });

  it('is made of faults that the wire allows', () => {
    for (const preset of NETWORK_PRESETS) {
      if (preset === 'off') continue;
      const network = presetFaults(preset, deviceView('device-0001'), 'device-0001');
      if (typeof network !== 'object' || network === null) continue;
      for (const fault of network.faults) expect(faultSchema.parse(fault)).toEqual(fault);
    }
  });

  it('must be known, and needs a deployment', async () => {
    expect((await choose('dial-up')).body.error.message).toContain('"preset"');
    expect((await api.ask('PUT', '/api/deployments/ghost/network', { preset: 'off' })).status).toBe(404);
    const unknown = await api.ask('PUT', '/api/deployments/digits/network', { preset: 'off', force: true });
    expect(unknown).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('"force"') } },
    });
    expect(commands()).toEqual([]);
  });
});
