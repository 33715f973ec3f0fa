import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectedDevice } from '@sparewheel/device';
import { DataPlaneDouble, digestOf, type JoinedDevice, TOKEN, tinyShard } from '@sparewheel/device/testing';
import { tinyProduct } from '@sparewheel/engine/testing';
import type { Answer, ComputeRequest, FromDevice, Tensor } from '@sparewheel/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadIdentity } from './device-folder.ts';
import type { DeviceSettings } from './device-messages.ts';
import { runDevice } from './run-device.ts';

const x: Tensor = { type: 'float32', dims: [1, 3], data: Float32Array.of(1, -2, 0.5) };
const compute = (request: number, task: number): ComputeRequest => ({
  kind: 'compute',
  request,
  task,
  tensors: [x],
});

describe.each([
  { title: 'a tensor socket', tensorSockets: 'accepted' },
  { title: 'Socket.IO, because there is no key', tensorSockets: 'none' },
  { title: 'Socket.IO, because a proxy refuses the tensor socket', tensorSockets: 'refused' },
] as const)('device, with its tensors over $title', ({ tensorSockets }) => {
  let dataPlane: DataPlaneDouble;
  let folder: string;
  const running: ConnectedDevice[] = [];

  beforeEach(async () => {
    dataPlane = await DataPlaneDouble.start({ tensorSockets });
    folder = await mkdtemp(join(tmpdir(), 'sparewheel-device-'));
  });
  afterEach(async () => {
    for (const device of running.splice(0)) await device.close();
    await dataPlane.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(overrides: Partial<DeviceSettings> = {}): Promise<ConnectedDevice> {
    const settings: DeviceSettings = {
      url: dataPlane.url,
      token: TOKEN,
      name: 'pi',
      identity: await loadIdentity(folder),
      folder,
      threads: { atMost: 1 },
      ...overrides,
    };
    const device = await runDevice(settings, () => {});
    running.push(device);
    return device;
  }

  async function joinOne(): Promise<JoinedDevice> {
    const joined = dataPlane.hellos.next();
    await start();
    return joined;
  }

  /** Sends a small shard to the device and loads it as the given task. */
  async function install(device: JoinedDevice, task: number) {
    const shard = tinyShard(task);
    expect(await dataPlane.sendBlob(device, shard.graph, 100)).toEqual({ ok: true });
    expect(await dataPlane.sendBlob(device, shard.weights, 10)).toEqual({ ok: true });
    expect(await dataPlane.command(device, 'load', shard.definition)).toEqual({ ok: true });
    return shard;
  }

  function expectAnswer(answer: FromDevice, shard: ReturnType<typeof tinyShard>): asserts answer is Answer {
    expect(answer).toMatchObject({
      kind: 'answer',
      tensors: [{ type: 'float32', dims: [1, 2], data: tinyProduct(shard.model, x.data as Float32Array) }],
    });
  }

  it('joins, receives a shard in chunks, loads it and computes', async () => {
    const device = await joinOne();
    expect(device.hello).toMatchObject({ name: 'pi', processId: process.pid, held: [] });
    const shard = await install(device, 5);
    const answer = await dataPlane.ask(device, compute(1, 5));
    expectAnswer(answer, shard);
    expect(answer.computeMicros).toBeGreaterThan(0);
    expect(await dataPlane.statistics.next()).toMatchObject({
      storeBytes: shard.graph.length + 24,
      inFlight: 0,
    });
  });

  it('answers invalid commands and requests with an error, and keeps working', async () => {
    const device = await joinOne();
    const shard = await install(device, 5);
    const refused = async (event: string, message: unknown) => {
      const outcome = await dataPlane.command(device, event, message);
      return outcome.ok ? 'ok' : outcome.code;
    };
    expect(await refused('load', { task: 'five' })).toBe('invalid-message');
    expect(await refused('load', null)).toBe('invalid-message');
    expect(await refused('load', { ...shard.definition, graph: { sha256: 'a'.repeat(64), bytes: 1 } })).toBe(
      'missing-blob',
    );
    expect(await refused('load', { ...shard.definition, task: 6, graph: shard.definition.weights })).toBe(
      'invalid-model',
    );
    expect(await refused('load', { ...shard.definition, task: 6, feeds: ['z'] })).toBe('invalid-feed');
    expect(await refused('load', { ...shard.definition, task: 6, fetches: ['z'] })).toBe('unknown-fetch');
    expect(await refused('fault', { kind: 'explode' })).toBe('invalid-message');
    const backward = [
      { ms: 9, share: 0 },
      { ms: 1, share: 1 },
    ];
    expect(await refused('fault', { kind: 'delay', ms: 0, quantiles: backward })).toBe('invalid-message');
    expect(await refused('fault', { kind: 'delay', ms: 0, mean: 5 })).toBe('invalid-message');
    expect(await refused('retain', { blobs: ['../../etc'] })).toBe('invalid-message');
    expect(await refused('unload', { task: 99 })).toBe('ok');
    const chunk = {
      sha256: digestOf(new Uint8Array(9)),
      bytes: 9,
      offset: 0,
      data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
    };
    expect(await refused('blob', chunk)).toBe('digest-mismatch');
    expect(await dataPlane.ask(device, compute(1, 77))).toMatchObject({
      kind: 'refusal',
      code: 'unknown-task',
    });
    const misshapen = { ...compute(2, 5), tensors: [{ ...x, dims: [3, 1] }] };
    expect(await dataPlane.ask(device, misshapen)).toMatchObject({ kind: 'refusal', code: 'run-failed' });
    expectAnswer(await dataPlane.ask(device, compute(3, 5)), shard);
  });

  it('does not answer canceled requests', async () => {
    const device = await joinOne();
    await install(device, 5);
    await dataPlane.command(device, 'fault', { kind: 'delay', ms: 30 });
    const answer = dataPlane.answers.next();
    for (let request = 1; request <= 8; request++) await dataPlane.send(device, compute(request, 5));
    for (let request = 1; request <= 7; request++) {
      await dataPlane.send(device, { kind: 'cancel', request, task: 5 });
    }
    expect((await answer).request).toBe(8);
    expect(dataPlane.answers.received).toHaveLength(1);
  });

  it('delays its answers by a distribution until the delay is set to zero', async () => {
    const device = await joinOne();
    const shard = await install(device, 5);
    const quantiles = [
      { ms: 20, share: 0 },
      { ms: 40, share: 1 },
    ];
    expect(await dataPlane.command(device, 'fault', { kind: 'delay', ms: 10, quantiles })).toEqual({
      ok: true,
    });
    const sentAt = performance.now();
    expectAnswer(await dataPlane.ask(device, compute(1, 5)), shard);
    // Timers may fire up to one millisecond early.
    expect(performance.now() - sentAt).toBeGreaterThan(28);
    expect(await dataPlane.command(device, 'fault', { kind: 'delay', ms: 0 })).toEqual({ ok: true });
    expectAnswer(await dataPlane.ask(device, compute(2, 5)), shard);
  });

  it('keeps its identity and its shards over a restart, and serves them without a transfer', async () => {
    const first = await joinOne();
    const shard = await install(first, 5);
    await running.pop()?.close();
    const second = await joinOne();
    expect(second.auth.device).toEqual(first.auth.device);
    expect(second.auth.incarnation).not.toBe(first.auth.incarnation);
    expect(second.hello.held).toEqual(
      expect.arrayContaining([shard.definition.graph, shard.definition.weights]),
    );
    expect(await dataPlane.command(second, 'load', { ...shard.definition, task: 9 })).toEqual({ ok: true });
    expectAnswer(await dataPlane.ask(second, compute(1, 9)), shard);
  });

  it('reconnects in the same incarnation after the data plane restarts', async () => {
    const before = await joinOne();
    const shard = await install(before, 5);
    const { port } = dataPlane;
    await dataPlane.stop();
    dataPlane = await DataPlaneDouble.start({ port, tensorSockets });
    const after = await dataPlane.hellos.next();
    expect(after.auth).toEqual(before.auth);
    expect(after.hello.held).toHaveLength(2);
    expectAnswer(await dataPlane.ask(after, compute(1, 5)), shard);
  });

  it('deletes blobs that are not retained, and unloads their tasks', async () => {
    const device = await joinOne();
    const shard = await install(device, 5);
    expect(await dataPlane.command(device, 'retain', { blobs: [shard.definition.graph.sha256] })).toEqual({
      ok: true,
    });
    expect(await dataPlane.ask(device, compute(1, 5))).toMatchObject({
      kind: 'refusal',
      code: 'unknown-task',
    });
    expect(await dataPlane.command(device, 'load', shard.definition)).toMatchObject({ code: 'missing-blob' });
  });

  it('is silent during a partition, until it is healed without the network', async () => {
    const joined = dataPlane.hellos.next();
    const device = await start();
    const control = await joined;
    const shard = await install(control, 5);
    const lost = dataPlane.lost.next(({ namespace }) => namespace === '/control');
    expect(await dataPlane.command(control, 'fault', { kind: 'partition' })).toEqual({ ok: true });
    // Only a ping timeout reveals the partition: no connection was closed.
    expect((await lost).reason).toBe('ping timeout');
    const returned = dataPlane.hellos.next();
    device.setFault({ kind: 'heal' });
    expectAnswer(await dataPlane.ask(await returned, compute(1, 5)), shard);
  });

  it('answers pending requests if a partition ends before the ping timeout', async () => {
    const joined = dataPlane.hellos.next();
    const device = await start();
    const control = await joined;
    const shard = await install(control, 5);
    const answer = dataPlane.answers.next();
    await dataPlane.command(control, 'fault', { kind: 'partition' });
    await dataPlane.send(control, compute(1, 5));
    device.setFault({ kind: 'heal' });
    expectAnswer(await answer, shard);
    expect(dataPlane.lost.received).toEqual([]);
  });

  it('computes many requests of several shapes at once, in their order', async () => {
    const device = await joinOne();
    const shard = await install(device, 5);
    for (let round = 0; round < 3; round++) {
      const first = 100 * round;
      const answers = dataPlane.answers.next(({ request }) => request === first + 11);
      for (let request = first + 1; request <= first + 12; request++) {
        await dataPlane.send(device, compute(request, request % 4 === 0 ? 77 : 5));
      }
      // The last computation. Refusals do not wait for computations.
      await answers;
      for (const answer of dataPlane.answers.received.splice(0)) {
        if (answer.request % 4 === 0) expect(answer).toMatchObject({ code: 'unknown-task' });
        else expectAnswer(answer, shard);
      }
    }
  });

  it('retries while its token is refused', async () => {
    await dataPlane.stop();
    const { port } = dataPlane;
    dataPlane = await DataPlaneDouble.start({ port, refuse: true, tensorSockets });
    await start();
    await dataPlane.refusals.next();
    await dataPlane.refusals.next();
    await dataPlane.stop();
    dataPlane = await DataPlaneDouble.start({ port, tensorSockets });
    await dataPlane.hellos.next();
  });
});

it.each([
  ['never answers the upgrade', 'ignored'],
  ['cuts the tensor socket', 'cut'],
] as const)('uses Socket.IO when a proxy %s', async (_what, tensorSockets) => {
  const dataPlane = await DataPlaneDouble.start({ tensorSockets });
  const folder = await mkdtemp(join(tmpdir(), 'sparewheel-device-'));
  const logged: string[] = [];
  const joined = dataPlane.hellos.next();
  const device = await runDevice(
    {
      url: dataPlane.url,
      token: TOKEN,
      name: 'pi',
      identity: await loadIdentity(folder),
      folder,
      threads: { atMost: 1 },
    },
    (text) => logged.push(text),
  );
  try {
    expect(await dataPlane.ask(await joined, compute(1, 77))).toMatchObject({ code: 'unknown-task' });
    expect(logged).toEqual([expect.stringContaining('no tensor socket')]);
  } finally {
    await device.close();
    await dataPlane.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
