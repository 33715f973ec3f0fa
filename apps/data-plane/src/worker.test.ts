/** The data plane as the control plane starts it: in its own thread. */
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { DataPlaneCall, DataPlaneMessage, DataPlaneOptions } from '@sparewheel/data-plane-client';
import { siblingEntry } from '@sparewheel/runtime/entry';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TEST_TOKENS } from './testing/test-plane.ts';

let blobs: string;
beforeEach(async () => {
  blobs = await mkdtemp(join(tmpdir(), 'sparewheel-blobs-'));
});
afterEach(() => rm(blobs, { recursive: true, force: true }));

function start(port: number, grpcPort = 0) {
  const workerData: DataPlaneOptions = {
    host: '127.0.0.1',
    port,
    grpcPort,
    devices: [],
    blobs,
    ...TEST_TOKENS,
  };
  const { threadUrl } = siblingEntry(import.meta.url, { source: './worker.ts', bundled: './data-plane.js' });
  const worker = new Worker(threadUrl, { workerData });
  const exited = new Promise<number>((resolve) => worker.once('exit', resolve));
  const message = <Kind extends DataPlaneMessage['kind']>(kind: Kind) =>
    new Promise<Extract<DataPlaneMessage, { kind: Kind }>>((resolve) => {
      worker.on('message', (received: DataPlaneMessage) => {
        if (received.kind === kind) resolve(received as Extract<DataPlaneMessage, { kind: Kind }>);
      });
    });
  const call = (body: DataPlaneCall) => {
    const reply = message('reply');
    worker.postMessage({ call: 1, body });
    return reply;
  };
  return { exited, message, call };
}

it('listens, answers calls, and exits after a stop', async () => {
  const plane = start(0);
  expect(await plane.message('listening')).toEqual({
    kind: 'listening',
    port: expect.any(Number),
    grpcPort: expect.any(Number),
  });
  expect(await plane.call({ kind: 'latency', name: 'none' })).toMatchObject({
    call: 1,
    ok: false,
    failure: { status: 404, code: 'unknown-deployment', message: expect.stringContaining('none') },
  });
  const views = plane.message('views');
  expect(await plane.call({ kind: 'stop' })).toMatchObject({ ok: true });
  expect(await views).toEqual({ kind: 'views', devices: [], deployments: [], preloads: [], latency: [] });
  expect(await plane.exited).toBe(0);
});

it.each(['DATA_PORT', 'GRPC_PORT'])('reports a taken %s and what to do', async (variable) => {
  const squatter = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => squatter.once('listening', resolve));
  const { port } = squatter.address() as AddressInfo;
  const plane = variable === 'DATA_PORT' ? start(port) : start(0, port);
  expect(await plane.message('failed')).toEqual({
    kind: 'failed',
    code: 'port-taken',
    message: `port ${port} on 127.0.0.1 is used by another program; stop it, or set ${variable} to a free port`,
  });
  expect(await plane.exited).toBe(0);
  squatter.close();
});
