/** The data plane with real agents: their supervisor starts, kills and revives device processes. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeviceNetwork } from '@sparewheel/data-plane-client';
import { type FaultRequest, faultWords } from '@sparewheel/protocol';
import { siblingEntry } from '@sparewheel/runtime/entry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LinearModel, linearModel } from './testing/linear-model.ts';
import { TEST_TOKENS, TestPlane } from './testing/test-plane.ts';
import { send } from './testing/v2-client.ts';

const K = 3;
const R = 1;
const NAMES = ['pi-1', 'pi-2', 'pi-3', 'pi-4', 'pi-5'];

describe('a deployment over real device processes', () => {
  let home: string;
  let plane: TestPlane;
  let agent: ChildProcess;
  let model: LinearModel;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'sparewheel-home-'));
    plane = await TestPlane.start();
    const { path, execArgv } = siblingEntry(import.meta.url, {
      source: '../../agent/src/agent.ts',
      bundled: '../../agent/dist/agent.js',
    }).process;
    const count = String(NAMES.length);
    agent = spawn(
      process.execPath,
      [...execArgv, path, '--url', plane.url, '--count', count, '--name', 'pi', '--home', home],
      { stdio: 'inherit', env: { ...process.env, SPAREWHEEL_JOIN_TOKEN: TEST_TOKENS.joinToken } },
    );
    await plane.until(() => NAMES.every((name) => plane.device(name)?.state === 'ready'));
    model = await linearModel(plane.blobs, { k: K, r: R, inner: 64, columns: 96 });
    await plane.plane.call({ kind: 'deploy', deployment: model.deployment });
    await plane.until(() => plane.deployment('linear')?.state === 'ready');
  });
  afterAll(async () => {
    const ended = once(agent, 'exit');
    agent.kill('SIGTERM');
    await ended;
    await plane?.stop();
    await rm(home, { recursive: true, force: true });
  });

  const input = () => Float32Array.from({ length: model.inner }, (_, at) => Math.sin(at + 1));

  async function infer() {
    const x = input();
    const answer = await send(plane.plane.port, 'POST', '/v2/models/linear/infer', {
      token: TEST_TOKENS.inferToken,
      body: JSON.stringify({
        inputs: [{ name: 'x', shape: [1, model.inner], datatype: 'FP32', data: [...x] }],
      }),
    });
    expect(answer.status, answer.body.toString()).toBe(200);
    const { outputs, parameters } = answer.json();
    const expected = model.expected(x);
    for (const [at, value] of outputs[0].data.entries()) expect(value).toBeCloseTo(expected[at]!, 5);
    return parameters as { recovered: number; rescued: number };
  }

  const holderOf = (seat: number) => plane.deployment('linear')!.seats[seat]!.deviceName!;
  const idOf = (name: string) => plane.device(name)!.id;

  it('answers the same as plain arithmetic', async () => {
    expect(await infer()).toMatchObject({ rescued: 0 });
  });

  it('shows four seated devices and one standby', () => {
    const roles = NAMES.map((name) => plane.device(name)!.roles.join());
    expect(roles.sort()).toEqual(['data', 'data', 'data', 'parity', 'standby']);
    for (const name of NAMES)
      expect(plane.device(name)).toMatchObject({ supervised: true, engine: 'native' });
  });

  it('loses no request while devices are killed and revived under load', async () => {
    await plane.plane.call({ kind: 'start-load', name: 'linear', load: { mode: 'closed', concurrency: 2 } });
    // One data shard and the parity shard; the other seats behave the same.
    for (const seat of [0, K + R - 1]) {
      await plane.until(() => plane.deployment('linear')?.state === 'ready');
      const name = holderOf(seat);
      const answered = plane.deployment('linear')!.load?.answered ?? 0;
      await plane.plane.call({ kind: 'fault', device: idOf(name), fault: { kind: 'kill' } });
      await plane.until(() => plane.device(name)?.state === 'dead');
      await infer();
      await plane.until(() => (plane.deployment('linear')!.load?.answered ?? 0) > answered + 50);
      await plane.plane.call({ kind: 'revive', device: idOf(name) });
      await plane.until(() => plane.device(name)?.state === 'ready');
    }
    const load = await plane.plane.call({ kind: 'stop-load', name: 'linear' });
    expect(load).toMatchObject({ running: false, failed: 0, lost: 0, inFlight: 0 });
    const latency = plane.views!.latency.find(({ deployment }) => deployment === 'linear')!;
    expect(latency.counts).toMatchObject({ failed: 0, lost: 0, corrupt: 0 });
    expect(latency.counts.recovered).toBeGreaterThan(0);
    const { devices, durations } = await plane.plane.call({ kind: 'metrics' });
    expect(NAMES).toEqual(expect.arrayContaining(devices.map(({ name }) => name)));
    expect(devices.length).toBeGreaterThanOrEqual(K + R);
    const total = (field: 'answers' | 'recovered' | 'rescued') =>
      devices.reduce((sum, { counts }) => sum + counts[field], 0);
    const { counts } = await plane.plane.call({ kind: 'latency', name: 'linear' });
    expect(total('recovered')).toBe(counts.recoveredShards);
    expect(total('answers') + total('rescued')).toBeGreaterThanOrEqual(K * counts.answered);
    for (const { counts } of devices) {
      // Answers of one row: 32 columns of float32 each.
      expect(counts.receivedBytes).toBe(counts.answers * (96 / K) * 4);
      expect(counts.sentBytes).toBeGreaterThanOrEqual(counts.answers * 64 * 4);
    }
    expect(durations).toMatchObject([{ deployment: 'linear', count: counts.answered }]);
    expect(latency.lastFault!.description).toMatch(/^pi-\d is killed$/);
    // Each kill began a period, and each return or takeover ended it.
    const causes = latency.changes.map(({ cause }) => cause);
    expect(causes.filter((cause) => cause === 'fault')).toHaveLength(2);
    expect(['revival', 'redistribution']).toContain(causes[0]);
    expect(latency.periods[0]).toMatchObject({ name: 'healthy', until: null });
    const killed = latency.periods.find(({ name }) => /^pi-\d killed$/.test(name));
    expect(killed!.percentiles.count).toBeGreaterThan(0);
    expect(latency.counts.survived).toBeGreaterThan(0);
  });

  it('returns at most the requested number of traces, newest first', async () => {
    await infer();
    const traces = await plane.plane.call({ kind: 'traces', name: 'linear', limit: 5 });
    expect(traces).toHaveLength(5);
    const requests = traces.map(({ request }) => request);
    expect(requests).toEqual([...requests].sort((a, b) => b - a));
    const coded = traces[0]!.steps.find(({ kind }) => kind === 'coded')!;
    expect(coded.shards).toHaveLength(K + R);
    expect(coded.shards.filter(({ status }) => status === 'used').length).toBeGreaterThanOrEqual(K - R);
    expect(coded.finishedAt).toBeGreaterThanOrEqual(coded.startedAt);
  });

  it('compares coded and uncoded latency of the same arrivals, and counts per device', async () => {
    await plane.plane.call({ kind: 'reset-latency', name: 'linear' });
    for (let request = 0; request < 20; request++) await infer();
    await plane.until(() => (plane.views?.latency[0]?.comparison.requests ?? 0) >= 20);
    const { comparison } = await plane.plane.call({ kind: 'latency', name: 'linear' });
    expect(comparison).toMatchObject({ unanswered: 0, calledOff: 0 });
    const { coded, uncoded } = comparison;
    expect(coded.percentiles.mean).toBeLessThanOrEqual(uncoded.percentiles.mean!);
    // A surplus answer after the reset may add an earlier request to one of the two counts.
    const arrivals = () => plane.plane.call({ kind: 'arrivals', name: 'linear' });
    await expect
      .poll(async () => (await arrivals()).requests, { timeout: 30_000 })
      .toBeGreaterThanOrEqual(20);
    const { devices, requests } = await arrivals();
    expect(devices.map(({ roles }) => roles.join()).sort()).toEqual(['data', 'data', 'data', 'parity']);
    const sum = (pick: (device: (typeof devices)[number]) => number) =>
      devices.reduce((total, device) => total + pick(device), 0);
    // Each request has exactly one last data shard.
    expect(sum(({ last }) => last)).toBe(requests);
    expect(sum(({ answered }) => answered)).toBe(requests * (K + R));
  });

  it('transfers nothing to a returning device', () => {
    const transferred = new Map<string, number[]>();
    for (const event of plane.events('install-finished')) {
      if (event.kind !== 'install-finished') continue;
      const key = `${event.device} ${event.seat}`;
      transferred.set(key, [...(transferred.get(key) ?? []), event.transferredBytes]);
    }
    for (const [, [first, ...again]] of transferred) {
      expect(first).toBeGreaterThan(0);
      for (const bytes of again) expect(bytes).toBe(0);
    }
  });

  it('answers during a partition, shows it, and recovers when it is healed', async () => {
    await plane.until(() => plane.deployment('linear')?.state === 'ready');
    const name = holderOf(0);
    await plane.plane.call({ kind: 'fault', device: idOf(name), fault: { kind: 'partition' } });
    await infer();
    await plane.until(() => plane.device(name)?.faults.some(({ kind }) => kind === 'partition') === true);
    await plane.plane.call({ kind: 'fault', device: idOf(name), fault: { kind: 'heal' } });
    await plane.until(() => plane.device(name)?.state === 'ready' && plane.device(name)?.faults.length === 0);
    await infer();
  });

  it('hides the faults of an operator behind a network preset, and restores exactly them', async () => {
    const name = holderOf(0);
    const device = idOf(name);
    const { call } = plane.plane;
    const inject = (fault: FaultRequest) => call.call(plane.plane, { kind: 'fault', device, fault });
    const emulate = (network: DeviceNetwork | null) =>
      call.call(plane.plane, { kind: 'set-network', device, network });
    const shows = (...faults: string[]) =>
      plane.until(() => plane.device(name)?.faults.map(faultWords).join() === faults.join());
    const wifi = {
      preset: 'paper-wifi',
      text: 'paper’s WiFi',
      faults: [
        {
          kind: 'delay',
          ms: 0,
          sigma: 0,
          quantiles: [
            { ms: 1, share: 0 },
            { ms: 3, share: 1 },
          ],
        },
      ],
    } as const satisfies DeviceNetwork;
    await inject({ kind: 'delay', ms: 5, sigma: 0 });
    await inject({ kind: 'slow', factor: 2 });
    await emulate(wifi);
    await shows('delay drawn, median 2 ms', 'slow × 2');
    expect(plane.device(name)?.network).toEqual({ preset: 'paper-wifi', changed: false });
    const period = () => plane.views?.latency.find(({ deployment }) => deployment === 'linear')?.periods[0];
    await plane.until(() => period()?.name.endsWith('paper’s WiFi (emulated)') === true);
    await infer();
    await emulate(null);
    await shows('delay 5 ms', 'slow × 2');
    expect(plane.device(name)?.network).toBeNull();
    // A fault that is newer than the preset stays when the preset ends.
    await emulate(wifi);
    await inject({ kind: 'delay', ms: 7, sigma: 0 });
    await plane.until(() => plane.device(name)?.network?.changed === true);
    await emulate(null);
    await shows('delay 7 ms', 'slow × 2');
    await inject({ kind: 'delay', ms: 0, sigma: 0 });
    await shows('slow × 2');
    await inject({ kind: 'heal' });
    await shows();
    const gone = call.call(plane.plane, { kind: 'set-network', device: 'no-such-device', network: wifi });
    await expect(gone).rejects.toMatchObject({ status: 404 });
  });

  it('ends the emulated faults of a device whose process ended', async () => {
    const name = holderOf(0);
    const device = idOf(name);
    const inject = (fault: FaultRequest) => plane.plane.call({ kind: 'fault', device, fault });
    await inject({ kind: 'slow', factor: 2 });
    await plane.until(() => plane.device(name)?.faults.length === 1);
    await inject({ kind: 'kill' });
    await plane.until(() => plane.device(name)?.state === 'dead');
    await plane.plane.call({ kind: 'revive', device });
    await plane.until(() => plane.device(name)?.state === 'ready' && plane.device(name)?.faults.length === 0);
    expect(plane.events('fault-healed').at(-1)).toMatchObject({ device, ended: 'all', active: [] });
    await plane.until(() => plane.deployment('linear')?.state === 'ready');
    await plane.plane.call({ kind: 'reset-latency', name: 'linear' });
    await infer();
    await plane.until(() => plane.views?.latency[0]?.periods[0]?.name === 'healthy');
  });

  it('pauses and resumes a device', async () => {
    const name = holderOf(1);
    const device = idOf(name);
    await plane.plane.call({ kind: 'fault', device, fault: { kind: 'pause' } });
    await plane.until(() => plane.device(name)?.state === 'paused');
    await infer();
    await plane.plane.call({ kind: 'fault', device, fault: { kind: 'resume' } });
    await plane.until(() => plane.device(name)?.state === 'ready');
  });

  it('ignores a kill of a dead device and a revive of a live one, and rejects impossible faults', async () => {
    const name = holderOf(0);
    const device = idOf(name);
    await plane.plane.call({ kind: 'revive', device });
    await plane.plane.call({ kind: 'fault', device, fault: { kind: 'kill' } });
    await plane.until(() => plane.device(name)?.state === 'dead');
    await plane.plane.call({ kind: 'fault', device, fault: { kind: 'kill' } });
    await expect(plane.plane.call({ kind: 'fault', device, fault: { kind: 'pause' } })).rejects.toMatchObject(
      { status: 409, code: 'not-running' },
    );
    await plane.plane.call({ kind: 'revive', device });
    await plane.until(() => plane.device(name)?.state === 'ready');
    await expect(
      plane.plane.call({ kind: 'fault', device: 'no-such-device', fault: { kind: 'kill' } }),
    ).rejects.toMatchObject({ status: 404, code: 'unknown-device' });
  });

  it('releases only a device in quarantine, and forgets only one without a connection', async () => {
    const device = idOf(holderOf(0));
    const call = (kind: 'release' | 'forget', id: string) => plane.plane.call({ kind, device: id });
    await expect(call('release', device)).rejects.toMatchObject({ status: 409, code: 'not-quarantined' });
    await expect(call('forget', device)).rejects.toMatchObject({ status: 409, code: 'device-connected' });
    for (const kind of ['release', 'forget'] as const) {
      await expect(call(kind, 'unknown')).rejects.toMatchObject({ status: 404, code: 'unknown-device' });
    }
    expect(plane.events('device-forgotten')).toEqual([]);
  });

  it('forgets a killed device, gives its seat to a standby, and does not show it again', async () => {
    const name = holderOf(0);
    const device = idOf(name);
    await plane.plane.call({ kind: 'fault', device, fault: { kind: 'kill' } });
    await plane.until(() => plane.device(name)?.connected === false);
    await plane.plane.call({ kind: 'forget', device });
    await plane.until(() => plane.device(name) === undefined);
    expect(plane.events('device-forgotten')).toMatchObject([{ device, name }]);
    await plane.until(() => plane.deployment('linear')?.state === 'ready');
    expect(plane.deployment('linear')!.seats.map((seat) => seat.device)).not.toContain(device);
    await infer();
    await expect(plane.plane.call({ kind: 'revive', device })).rejects.toMatchObject({ status: 404 });
  });

  it('undeploys a deployment', async () => {
    await plane.plane.call({ kind: 'undeploy', name: 'linear' });
    const answer = await send(plane.plane.port, 'GET', '/v2/models/linear', {
      token: TEST_TOKENS.inferToken,
    });
    expect(answer.status).toBe(404);
    await expect(plane.plane.call({ kind: 'latency', name: 'linear' })).rejects.toMatchObject({
      status: 404,
    });
  });
});
