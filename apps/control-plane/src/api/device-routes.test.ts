/** Devices and their faults, with a fake of the data plane. */

import { refuse } from '@sparewheel/data-plane-client/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestApi, TOKENS } from '../testing/test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.close());

describe('devices', () => {
  it('are listed as the data plane reports them', async () => {
    const { status, body } = await api.ask('GET', '/api/devices');
    expect(status).toBe(200);
    expect(body.map(({ id }: { id: string }) => id)).toEqual([
      'device-0001',
      'device-0002',
      'device-0003',
      'device-0004',
    ]);
    expect((await api.ask('GET', '/api/devices/device-0002')).body.id).toBe('device-0002');
    expect((await api.ask('GET', '/api/devices/ghost')).status).toBe(404);
  });

  it.each([
    [{ kind: 'kill' }, { kind: 'kill' }],
    [
      { kind: 'delay', ms: 50 },
      { kind: 'delay', ms: 50, sigma: 0 },
    ],
    [
      {
        kind: 'delay',
        ms: 0,
        quantiles: [
          { ms: 1, share: 0 },
          { ms: 9, share: 1 },
        ],
      },
      {
        kind: 'delay',
        ms: 0,
        sigma: 0,
        quantiles: [
          { ms: 1, share: 0 },
          { ms: 9, share: 1 },
        ],
      },
    ],
    [{ kind: 'corrupt' }, { kind: 'corrupt', amount: 1, probability: 1 }],
    [{ kind: 'heal' }, { kind: 'heal' }],
  ])('receive the fault %j', async (given, fault) => {
    const answer = await api.ask('POST', '/api/devices/device-0001/faults', given);
    expect(answer).toMatchObject({ status: 202, body: { device: 'device-0001', fault } });
    expect(api.dataPlane.callsOf('fault')).toEqual([{ kind: 'fault', device: 'device-0001', fault }]);
  });

  it.each([
    [undefined, 'JSON object'],
    [{}, '"kind"'],
    [{ kind: 'explode' }, 'explode'],
    [{ kind: 'delay' }, '"ms"'],
    [{ kind: 'delay', ms: -1 }, 'at least 0'],
    [{ kind: 'corrupt', amount: 0 }, 'it must not be 0'],
    [{ kind: 'slow', factor: 'very' }, '"factor"'],
    [{ kind: 'drop', probability: 2 }, 'at most 1'],
    [{ kind: 'delay', ms: 0, median: 5 }, '"median" is unknown'],
    [{ kind: 'kill', softly: true }, '"softly" is unknown'],
    [{ kind: 'slow', factor: 2, times: 2 }, '"times" is unknown'],
    [
      {
        kind: 'delay',
        ms: 0,
        quantiles: [
          { ms: 1, share: 0.2 },
          { ms: 9, share: 1 },
        ],
      },
      'the first share',
    ],
    [
      {
        kind: 'delay',
        ms: 0,
        quantiles: [
          { ms: 9, share: 0 },
          { ms: 1, share: 1 },
        ],
      },
      'must not decrease',
    ],
    [
      {
        kind: 'delay',
        ms: 0,
        quantiles: [
          { ms: 1, share: 0, p: 1 },
          { ms: 9, share: 1 },
        ],
      },
      'quantiles.0.p',
    ],
    [
      {
        kind: 'delay',
        ms: 0,
        sigma: 1,
        quantiles: [
          { ms: 1, share: 0 },
          { ms: 9, share: 1 },
        ],
      },
      'either sigma or quantiles',
    ],
  ])('do not suffer %j', async (fault, named) => {
    const { status, body } = await api.ask('POST', '/api/devices/device-0001/faults', fault);
    expect(status).toBe(400);
    expect(body.error.message).toContain(named);
    expect(api.dataPlane.callsOf('fault')).toEqual([]);
  });

  it('are revived, also with an empty JSON body', async () => {
    const { status } = await api.ask('POST', '/api/devices/device-0001/revive', '', {
      'content-type': 'application/json',
    });
    expect(status).toBe(202);
    expect(api.dataPlane.callsOf('revive')).toEqual([{ kind: 'revive', device: 'device-0001' }]);
  });

  it('are released from quarantine', async () => {
    const { status, body } = await api.ask('POST', '/api/devices/device-0001/release');
    expect({ status, body }).toEqual({ status: 202, body: { device: 'device-0001' } });
    expect(api.dataPlane.callsOf('release')).toEqual([{ kind: 'release', device: 'device-0001' }]);
    api.dataPlane.answers.release = () => refuse(409, 'not-quarantined', 'it is not in quarantine');
    const refused = await api.ask('POST', '/api/devices/device-0001/release');
    expect(refused).toMatchObject({ status: 409, body: { error: { code: 'not-quarantined' } } });
  });

  it('are forgotten: the store and the stored seats no longer contain them', async () => {
    const known = { name: 'pi', secretHash: 'h', platform: 'linux-x64' };
    await api.store.saveDevice({ ...known, id: 'device-0001' });
    await api.store.saveDevice({ ...known, id: 'device-0002' });
    await api.deployed();
    api.deployments.storeSeats('digits', ['device-0002', 'device-0001', 'device-0003']);
    expect((await api.ask('DELETE', '/api/devices/device-0001')).status).toBe(204);
    expect(api.dataPlane.callsOf('forget')).toEqual([{ kind: 'forget', device: 'device-0001' }]);
    expect((await api.store.devices()).map(({ id }) => id)).toEqual(['device-0002']);
    expect(api.deployments.record('digits').seats).toEqual(['device-0002', null, 'device-0003']);
  });

  it('stay in the store while they are connected', async () => {
    await api.store.saveDevice({ id: 'device-0001', name: 'pi', secretHash: 'h', platform: 'linux-x64' });
    api.dataPlane.answers.forget = () => refuse(409, 'device-connected', 'it is connected');
    const { status, body } = await api.ask('DELETE', '/api/devices/device-0001');
    expect(status).toBe(409);
    expect(body.error.code).toBe('device-connected');
    expect(await api.store.devices()).toHaveLength(1);
  });

  it('join with a token that the operator can read', async () => {
    expect((await api.ask('GET', '/api/join')).body).toEqual({ token: TOKENS.join });
    expect((await api.ask('GET', '/api/join/addresses')).body).toEqual({ host: '127.0.0.1', addresses: [] });
  });

  it('that do not exist get the data plane’s own error', async () => {
    api.dataPlane.answers.fault = () => refuse(404, 'unknown-device', 'no such device');
    api.dataPlane.answers.revive = () => refuse(409, 'not-supervised', 'no supervisor can revive it');
    expect((await api.ask('POST', '/api/devices/ghost/faults', { kind: 'kill' })).status).toBe(404);
    expect((await api.ask('POST', '/api/devices/ghost/revive')).body.error.code).toBe('not-supervised');
  });
});
