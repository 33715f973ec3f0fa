/** Devices that follow the protocol and devices that violate it, over real loopback sockets. */
import type { FromDevice } from '@sparewheel/protocol';
import { sha256Hex } from '@sparewheel/runtime/access';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LinearModel, linearModel } from '../../testing/linear-model.ts';
import {
  closed,
  refusalOf,
  ScriptedDevice,
  type ScriptedDeviceOptions,
} from '../../testing/scripted-device.ts';
import { TEST_TOKENS, TestPlane } from '../../testing/test-plane.ts';
import { send } from '../../testing/v2-client.ts';

let plane: TestPlane;
let devices: ScriptedDevice[];

beforeEach(async () => {
  plane = await TestPlane.start();
  devices = [];
});
afterEach(async () => {
  for (const device of devices) device.close();
  await plane.stop();
});

function device(options: ScriptedDeviceOptions = {}): ScriptedDevice {
  const made = new ScriptedDevice(plane, options);
  devices.push(made);
  return made;
}

async function joined(options: ScriptedDeviceOptions = {}): Promise<ScriptedDevice> {
  const made = device(options);
  await plane.until(() => plane.device(made.name)?.state === 'ready');
  return made;
}

const refusals = () =>
  plane.events('device-refused').map((event) => ('message' in event ? event.message : ''));

describe('joining', () => {
  it('accepts a device when both connections are up, and stores only the digest of its secret', async () => {
    const { id } = await joined({ secret: 'a secret of more than thirty-two characters' });
    expect(plane.messages).toContainEqual({
      kind: 'device-known',
      device: {
        id,
        name: id,
        platform: 'test',
        secretHash: sha256Hex('a secret of more than thirty-two characters'),
      },
    });
    expect(JSON.stringify(plane.messages)).not.toContain('a secret of more');
    expect(plane.device(id)).toMatchObject({ state: 'ready', roles: ['standby'], supervised: false });
  });

  it.each([
    ['a wrong token', { token: 'wrong' }, 'unauthorized', 'join token'],
    ['the infer token', { token: TEST_TOKENS.inferToken }, 'unauthorized', 'join token'],
    ['a newer version', { protocol: 2 }, 'wrong-protocol', 'newer than its control plane (protocol 2 and 1)'],
    [
      'an older version',
      { protocol: 0 },
      'wrong-protocol',
      'older than its control plane (protocol 0 and 1)',
    ],
    ['a short secret', { secret: 'short' }, 'wrong-protocol', 'device.secret'],
    ['an invalid id', { id: '../../etc/passwd' }, 'wrong-protocol', 'device.id'],
  ])('rejects %s with a message for the agent', async (_what, options, code, words) => {
    const refusal = await refusalOf(device(options).control);
    expect(refusal).toEqual({ code, message: expect.stringContaining(words) });
    expect(refusals()).toEqual([expect.stringContaining(words)]);
  });

  it('reports repeated rejections only once', async () => {
    for (let attempt = 0; attempt < 5; attempt++)
      await refusalOf(device({ id: 'insistent', token: 'no' }).control);
    expect(refusals()).toHaveLength(1);
  });

  it('rejects a stolen identity, also after a restart, and does not affect its owner', async () => {
    const owner = await joined({ id: 'the-owner' });
    const refusal = await refusalOf(device({ id: 'the-owner', secret: 'x'.repeat(40) }).tensors);
    expect(refusal.code).toBe('wrong-identity');
    expect(refusals()[0]).toContain('joined with another secret');
    expect(owner.control.connected && owner.tensors.connected).toBe(true);

    const known = plane.messages.flatMap((message) =>
      message.kind === 'device-known' ? [message.device] : [],
    );
    const restarted = await TestPlane.start({ devices: known });
    try {
      const thief = new ScriptedDevice(restarted, { id: 'the-owner', secret: 'x'.repeat(40) });
      expect((await refusalOf(thief.control)).code).toBe('wrong-identity');
      thief.close();
    } finally {
      await restarted.stop();
    }
  });

  it('replaces an old incarnation by a new one and rejects the old one afterwards', async () => {
    const older = await joined({ id: 'twice-alive', incarnation: 'old-incarnation' });
    const gone = closed(older.control);
    await joined({ id: 'twice-alive', incarnation: 'new-incarnation' });
    await gone;
    expect(plane.events('device-lost')).toHaveLength(1);
    const stale = device({ id: 'twice-alive', incarnation: 'old-incarnation' });
    expect((await refusalOf(stale.control)).code).toBe('wrong-identity');
    expect(plane.device('twice-alive')?.state).toBe('ready');
  });

  it('accepts a device again after its tensor connection broke', async () => {
    const returning = await joined();
    returning.tensors.disconnect();
    await plane.until(() => plane.events('device-lost').length === 1);
    returning.tensors.connect();
    await plane.until(() => plane.events('device-returned').length === 1);
  });

  it('accepts a device again after both connections broke, in either order of reconnection', async () => {
    const returning = await joined();
    for (const [times, order] of [
      [1, ['control', 'tensors']],
      [2, ['tensors', 'control']],
      [3, ['control', 'tensors']],
    ] as const) {
      returning.close();
      await plane.until(() => plane.events('device-lost').length === times);
      for (const which of order) {
        returning[which].connect();
        if (which === order[0])
          await new Promise<void>((resolve) => returning[which].once('connect', resolve));
        // The hello arrives before the other connection is opened.
        if (which === 'control') await new Promise<void>((resolve) => returning.hello({}, resolve));
      }
      await plane.until(() => plane.events('device-returned').length === times);
    }
    expect(refusals()).toEqual([]);
  });

  it('disconnects a device that sends no hello', async () => {
    const silent = device();
    silent.control.off('connect');
    await closed(silent.control);
    expect(refusals()).toEqual([expect.stringContaining('did not send its hello')]);
  }, 20_000);

  it('rejects connections to the main namespace', async () => {
    const { io } = await import('socket.io-client');
    const { frameParser } = await import('@sparewheel/protocol');
    const socket = io(plane.url, { parser: frameParser, transports: ['websocket'], reconnection: false });
    const error = await new Promise<Error>((resolve) => socket.once('connect_error', resolve));
    expect(error.message).toContain('/control');
    socket.close();
  });
});

describe('a protocol violation disconnects the device, emits an event and does not affect other devices', () => {
  const tensorsText =
    '2/tensors,["tensors",{"kind":"answer","request":1,"task":1,"computeMicros":1,"tensors":[]}]';
  const breaches: [string, (device: ScriptedDevice) => void, string][] = [
    ['an invalid frame', (bad) => bad.sendRaw(bad.tensors, Uint8Array.of(1, 2, 3)), 'malformed frame'],
    [
      'half a frame',
      (bad) => bad.sendRaw(bad.tensors, Uint8Array.of(0x53, 1, 3, 1, 0, 0, 0, 0)),
      'malformed frame',
    ],
    ['a tensor message as JSON', (bad) => bad.sendRaw(bad.tensors, tensorsText), 'binary frames'],
    [
      'a message of the other direction',
      (bad) => bad.tensors.emit('tensors', { kind: 'cancel', request: 1, task: 1 }),
      "does not send 'cancel'",
    ],
    ['an invalid hello', (bad) => bad.control.emit('hello', { name: 7 }), 'invalid hello'],
    [
      'invalid statistics',
      (bad) => bad.control.emit('statistics', { rssBytes: 'many' }),
      'invalid statistics',
    ],
    ['an unknown event', (bad) => bad.control.emit('launch', {}), "unknown event 'launch'"],
    ['an event named error', (bad) => bad.control.emit('error', {}), "unknown event 'error'"],
    ['a huge text', (bad) => bad.control.emit('hello', { name: 'x'.repeat(3_000_000) }), 'limit'],
    [
      'a flood',
      (bad) => {
        for (let message = 0; message < 500; message++) {
          bad.control.emit('statistics', {
            rssBytes: 1,
            storeBytes: 1,
            inFlight: 0,
            temperatureCelsius: null,
          });
        }
      },
      'flood',
    ],
  ];
  it.each(breaches)('%s', async (_what, breach, words) => {
    const [good, bad] = [await joined(), await joined()];
    const gone = closed(bad.tensors);
    breach(bad);
    await gone;
    await plane.until(() => plane.events('device-lost').length === 1);
    expect(refusals()).toEqual([expect.stringContaining(words)]);
    expect(good.control.connected && good.tensors.connected).toBe(true);
    // The device is rejected for the penalty time.
    expect((await refusalOf(device({ id: bad.id }).control)).code).toBe('unavailable');
  });
});

describe('a faulty device does not affect the answer', () => {
  let model: LinearModel;

  async function deployed(
    misbehavior: ScriptedDeviceOptions['misbehavior'],
    verify: 'after' | 'off' = 'after',
  ): Promise<ScriptedDevice> {
    model = await linearModel(plane.blobs);
    const policy = { ...model.deployment.policy, verify };
    const others = [await joined(), await joined(), await joined()];
    const bad = await joined({ ...(misbehavior === undefined ? {} : { misbehavior }) });
    const seats = [bad.id, ...others.map(({ id }) => id)];
    await plane.plane.call({ kind: 'deploy', deployment: { ...model.deployment, policy, seats } });
    await plane.until(() => plane.deployment('linear')?.state === 'ready');
    return bad;
  }

  async function inferOk(): Promise<void> {
    const x = Float32Array.from({ length: model.inner }, (_, at) => at - 3.5);
    const answer = await send(plane.plane.port, 'POST', '/v2/models/linear/infer', {
      token: TEST_TOKENS.inferToken,
      body: JSON.stringify({ inputs: [{ name: 'x', shape: [1, 8], datatype: 'FP32', data: [...x] }] }),
    });
    expect(answer.status, answer.body.toString()).toBe(200);
    for (const [at, value] of answer.json().outputs[0].data.entries()) {
      expect(value).toBeCloseTo(model.expected(x)[at]!, 5);
    }
  }

  it.each([
    ['NaN', (data: Float32Array) => data.fill(Number.NaN), [1, 4]],
    ['infinity', (data: Float32Array) => data.fill(Number.POSITIVE_INFINITY), [1, 4]],
    ['another shape', (data: Float32Array) => data, [4, 1]],
  ])('%s: is recovered, counted and leads to quarantine', async (_what, spoil, dims) => {
    const bad = await deployed((correct) => ({
      ...correct,
      tensors: [{ type: 'float32', dims, data: spoil(correct.tensors[0]!.data as Float32Array) }],
    }));
    for (let request = 0; request < 5; request++) await inferOk();
    await plane.until(() => plane.device(bad.name)?.state === 'quarantined');
    expect(plane.device(bad.name)!.invalid).toBeGreaterThan(0);
    await inferOk();
    // A revive releases the device from quarantine.
    await plane.plane.call({ kind: 'revive', device: bad.id });
    await plane.until(() => plane.device(bad.name)?.state === 'ready');
  });

  it('counts a late answer', async () => {
    let previous: FromDevice | null = null;
    const bad = await deployed((correct) => {
      const late = previous;
      previous = correct;
      return late;
      // Without verification, which would wait for the late answer.
    }, 'off');
    for (let request = 0; request < 3; request++) await inferOk();
    await plane.until(() => plane.device(bad.name)!.late > 0);
    const latency = await plane.plane.call({ kind: 'latency', name: 'linear' });
    expect(latency.counts).toMatchObject({ requests: 3, answered: 3, recovered: 3, failed: 0, lost: 0 });
  });

  it('quarantines a device that sends unsolicited messages', async () => {
    const bad = await deployed(undefined);
    for (let message = 0; message < 200; message++) {
      bad.tensors.emit('tensors', { kind: 'refusal', request: message, task: 1, code: 'x', message: 'y' });
    }
    await plane.until(() => plane.device(bad.name)?.state === 'quarantined');
    await inferOk();
  });
});
