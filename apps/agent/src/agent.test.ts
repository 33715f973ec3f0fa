import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataPlaneDouble, type JoinedDevice, TOKEN, tinyShard } from '@sparewheel/device/testing';
import type { Tensor } from '@sparewheel/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const x: Tensor = { type: 'float32', dims: [1, 3], data: Float32Array.of(1, -2, 0.5) };

interface Agent {
  readonly process: ChildProcess;
  output(): string;
  exitCode(): Promise<number | null>;
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

/** Folder of the agent's bundles. It is inside node_modules, so that they find their external packages. */
const bundles = fileURLToPath(
  new URL(`../../../node_modules/.sparewheel/agent-test-${process.pid}`, import.meta.url),
);

const untilGone = (processId: number) =>
  expect.poll(() => isAlive(processId), { timeout: 20_000 }).toBe(false);

describe('agent, as real processes', () => {
  let dataPlane: DataPlaneDouble;
  let home: string;
  const agents: Agent[] = [];

  beforeAll(() => {
    execFileSync('npm', ['run', '--silent', 'build', '--', `--outdir=${bundles}`], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      shell: process.platform === 'win32',
    });
  });
  afterAll(() => rm(bundles, { recursive: true, force: true }));

  beforeEach(async () => {
    dataPlane = await DataPlaneDouble.start();
    home = await mkdtemp(join(tmpdir(), 'sparewheel-agent-'));
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) {
      agent.process.kill('SIGTERM');
      await agent.exitCode();
    }
    await dataPlane.stop();
    await rm(home, { recursive: true, force: true });
  });

  function start(...parameters: string[]): Agent {
    const child = spawn(process.execPath, [join(bundles, 'agent.js'), '--home', home, ...parameters], {
      env: { ...process.env, LOG_LEVEL: 'info' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        output += text;
      });
    }
    const exit = once(child, 'exit');
    const agent: Agent = {
      process: child,
      output: () => output,
      exitCode: async () => (await exit)[0] as number | null,
    };
    agents.push(agent);
    return agent;
  }

  const startWith = (...parameters: string[]) =>
    start('--url', dataPlane.url, '--token', TOKEN, '--name', 'pi', ...parameters);

  async function startOne(
    ...parameters: string[]
  ): Promise<{ agent: Agent; device: JoinedDevice; id: string }> {
    const joined = dataPlane.hellos.next();
    const supervised = dataPlane.supervised.next((devices) => devices.every(({ running }) => running));
    const agent = startWith(...parameters);
    const [device] = await Promise.all([joined, supervised]);
    return { agent, device, id: device.auth.device.id };
  }

  it('revives a killed device with its identity and its shards, without a transfer', async () => {
    const { device, id } = await startOne();
    const shard = tinyShard(1);
    await dataPlane.sendBlob(device, shard.graph, 1_000);
    await dataPlane.sendBlob(device, shard.weights, 1_000);
    const ended = dataPlane.ended.next();
    expect(await dataPlane.supervise('kill', { id })).toEqual({ ok: true });
    expect(await ended).toEqual({ id, exitCode: null, signal: 'SIGKILL' });
    expect(isAlive(device.hello.processId)).toBe(false);
    expect(await dataPlane.supervise('kill', { id })).toEqual({ ok: true });
    expect(await dataPlane.supervise('pause', { id })).toMatchObject({ ok: false, code: 'not-running' });
    const returned = dataPlane.hellos.next();
    expect(await dataPlane.supervise('revive', { id })).toEqual({ ok: true });
    const again = await returned;
    expect(again.auth.device).toEqual(device.auth.device);
    expect(again.hello.held).toHaveLength(2);
    expect(await dataPlane.command(again, 'load', shard.definition)).toEqual({ ok: true });
    const answer = await dataPlane.ask(again, { kind: 'compute', request: 1, task: 1, tensors: [x] });
    expect(answer.kind).toBe('answer');
    expect(await dataPlane.supervise('revive', { id: 'unknown-device' })).toMatchObject({ ok: false });
  });

  it('pauses and resumes a device, and ends a partition without the network', async () => {
    const { device, id } = await startOne();
    const silent = dataPlane.lost.next(({ namespace }) => namespace === '/control');
    await dataPlane.supervise('pause', { id });
    expect((await silent).reason).toBe('ping timeout');
    expect(await dataPlane.supervise('fault', { id, fault: { kind: 'heal' } })).toMatchObject({
      code: 'no-answer',
    });
    const resumed = dataPlane.hellos.next();
    await dataPlane.supervise('resume', { id });
    const back = await resumed;
    expect(back.auth).toEqual(device.auth);
    const partitioned = dataPlane.lost.next(({ namespace }) => namespace === '/control');
    await dataPlane.command(back, 'fault', { kind: 'partition' });
    await partitioned;
    const healed = dataPlane.hellos.next();
    expect(await dataPlane.supervise('fault', { id, fault: { kind: 'heal' } })).toEqual({ ok: true });
    await healed;
  });

  it('restarts a crashed device', async () => {
    const { device } = await startOne();
    const ended = dataPlane.ended.next();
    const returned = dataPlane.hellos.next();
    process.kill(device.hello.processId, 'SIGSEGV');
    expect((await ended).signal).toBe('SIGSEGV');
    expect((await returned).auth.device).toEqual(device.auth.device);
  });

  it('logs why a device cannot start, without a stack trace, and retries', async () => {
    await mkdir(join(home, 'devices', 'pi'), { recursive: true });
    await writeFile(join(home, 'devices', 'pi', 'blobs'), 'a file instead of a folder');
    const joined = dataPlane.hellos.next();
    const agent = startWith();
    await expect
      .poll(agent.output, { timeout: 20_000 })
      .toMatch(/pi: EEXIST.*\n.*pi: crashed \(exit code 1\)/);
    expect(agent.output()).not.toContain('    at ');
    await rm(join(home, 'devices', 'pi', 'blobs'));
    await joined;
  });

  it('leaves no process behind, whether it is terminated or killed', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const both = dataPlane.supervised.next(
        (devices) => devices.length === 2 && devices.every((d) => d.running),
      );
      const agent = startWith('--count', '2');
      const devices = await both;
      expect(devices.map(({ name }) => name)).toEqual(['pi-1', 'pi-2']);
      agent.process.kill(signal);
      await agent.exitCode();
      for (const { processId } of devices) await untilGone(processId!);
    }
  });

  it('ends with its parent if --with-parent is set, including paused devices', async () => {
    const { agent, device, id } = await startOne('--with-parent');
    await dataPlane.supervise('pause', { id });
    agent.process.stdin?.end();
    expect(await agent.exitCode()).toBe(0);
    await untilGone(device.hello.processId);
  });

  it('reports a refused token in one line and exits', async () => {
    const agent = start('--url', dataPlane.url, '--token', 'wrong');
    expect(await agent.exitCode()).toBe(1);
    expect(agent.output()).toBe(
      `sparewheel agent: ${dataPlane.url} refused this agent: the join token is wrong\n`,
    );
  });

  it('names the address of the data plane if it got that of the dashboard, and exits', async () => {
    const dashboard = createServer((_request, response) => response.end('{"url":"http://10.0.0.2:3001"}'));
    dashboard.listen(0, '127.0.0.1');
    await once(dashboard, 'listening');
    const url = `http://127.0.0.1:${(dashboard.address() as AddressInfo).port}`;
    const agent = start('--url', url, '--token', TOKEN);
    expect(await agent.exitCode()).toBe(1);
    expect(agent.output()).toContain(
      `sparewheel agent: ${url} is the address of the dashboard; use --url http://10.0.0.2:3001\n`,
    );
    dashboard.close();
  });

  it('reports wrong parameters and a folder in use without a stack trace', async () => {
    const invalid = start('--url', 'nonsense', '--token', TOKEN);
    expect(await invalid.exitCode()).toBe(2);
    expect(invalid.output()).not.toContain('    at ');
    await startOne();
    const second = startWith();
    expect(await second.exitCode()).toBe(3);
    expect(second.output()).toMatch(/^sparewheel agent: .*pi is in use by the agent with process id \d+\n$/);
  });

  it('logs an unreachable data plane once, and joins when it becomes reachable', async () => {
    const { port } = dataPlane;
    await dataPlane.stop();
    const agent = startWith();
    await expect.poll(agent.output, { timeout: 20_000 }).toContain('retrying');
    dataPlane = await DataPlaneDouble.start({ port });
    await dataPlane.hellos.next();
    await expect.poll(agent.output, { timeout: 20_000 }).toContain('connected to');
    expect(agent.output().match(/retrying/g)).toHaveLength(1);
    expect(agent.output()).toContain('ECONNREFUSED');
  });
});
