import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Product } from '@sparewheel/e2e/product';
import { joinChunks } from '@sparewheel/onnx';
import { zooModel } from '@sparewheel/zoo';
import type { Benchmark } from './benchmark.ts';
import { InferenceClient, prepareRequest } from './inference-client.ts';
import { memoryOfTree, watchMemory } from './process-memory.ts';

const AGENTS = 6;
const CHOICE = { model: 'alexnet', k: 5, r: 1, strategy: 'coded', layers: 'all' } as const;
const MEGABYTE = 2 ** 20;

/** Devices are not the control plane's memory. */
const isAgent = (commandLine: string) => /agent\/dist/.test(commandLine);

/** Milliseconds in which plain sockets bring so many bytes to as many processes, all at once. */
async function rawTcpMs(bytesEach: readonly number[]): Promise<number> {
  const peers = await Promise.all(
    bytesEach.map(async (bytes) => {
      const child = fork(fileURLToPath(new URL('./raw-tcp-peer.ts', import.meta.url)), [String(bytes), '1'], {
        execArgv: ['--import', 'tsx'],
      });
      const [{ port }] = (await once(child, 'message')) as [{ port: number }];
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      await once(socket, 'connect');
      return { child, socket, bytes };
    }),
  );
  const piece = Buffer.alloc(256 * 1024, 1);
  const startedAt = performance.now();
  await Promise.all(
    peers.map(async ({ socket, bytes }) => {
      const answered = once(socket, 'data');
      for (let left = bytes; left > 0; left -= piece.length) {
        if (!socket.write(left < piece.length ? piece.subarray(0, left) : piece)) await once(socket, 'drain');
      }
      await answered;
    }),
  );
  const tookMs = performance.now() - startedAt;
  for (const { child, socket } of peers) {
    socket.destroy();
    child.disconnect();
  }
  await Promise.all(peers.map(({ child }) => child.exitCode ?? once(child, 'exit')));
  return tookMs;
}

/** Uploads and plans. @returns milliseconds, and the control plane's extra memory at its peak */
async function uploadAndPlan(product: Product, model: Uint8Array<ArrayBuffer>) {
  const { processId } = (await product.api<{ processId: number }>('/api/health')).body;
  const before = memoryOfTree(processId, isAgent);
  const memory = watchMemory(processId, isAgent);
  const startedAt = performance.now();
  const uploaded = await product.api('/api/models?name=alexnet', {
    method: 'POST',
    body: model,
    headers: { 'content-type': 'application/octet-stream' },
  });
  const uploadMs = performance.now() - startedAt;
  if (uploaded.status !== 201) throw new Error(`not uploaded: ${JSON.stringify(uploaded.body)}`);
  const planned = await product.api('/api/plans', { method: 'POST', json: CHOICE });
  const ms = performance.now() - startedAt;
  if (planned.status !== 200) throw new Error(`not planned: ${JSON.stringify(planned.body)}`);
  const peak = memory.stop();
  return {
    ms,
    uploadMs,
    extraAnonymous: (peak.anonymousBytes - before.anonymousBytes) / model.byteLength,
    extraResident: (peak.residentBytes - before.residentBytes) / model.byteLength,
  };
}

/** Devices say once a second what they hold: what they have said for so long is what they have. */
const HELD_FOR_MS = 2_500;

/**
 * Deploys until every seat is ready.
 * @returns milliseconds, of them those until everything was encoded, and the bytes that each seat was sent
 */
async function distribute(product: Product) {
  const startedAt = performance.now();
  const created = await product.api('/api/deployments', {
    method: 'POST',
    json: { name: 'alexnet', ...CHOICE },
  });
  if (created.status !== 202) throw new Error(`not deployed: ${JSON.stringify(created.body)}`);
  let encodedMs: number | null = null;
  const ready = async () => {
    const { state } = await product.deployment('alexnet');
    // Shards are sent while others are encoded: the stages overlap, and this is where the first one ends.
    if (state !== 'preparing') encodedMs ??= performance.now() - startedAt;
    if (state === 'failed') throw new Error('the deployment failed');
    return state === 'ready';
  };
  await product.eventually('deployed', ready, 300_000);
  const ms = performance.now() - startedAt;
  let before = '';
  let since = 0;
  const bytesEach = await product.eventually('every device holds its shards', async () => {
    const held = (await product.devices()).map(({ memory }) => memory.storeBytes);
    if (before !== held.join()) since = performance.now();
    before = held.join();
    return performance.now() - since >= HELD_FOR_MS && held.every((bytes) => bytes > MEGABYTE) && held;
  });
  return { ms, encodedMs: encodedMs ?? ms, bytesEach };
}

/**
 * Each agent's memory after it has computed, beyond 100 MB, ÷ its shards. Counted is what each adds to the machine: the
 * six run the same two programs (Node, ONNX Runtime), whose pages are there once; what an agent on a machine of
 * its own has resident stands beside it.
 */
async function agentMemory(product: Product) {
  const client = new InferenceClient(product.ports.data, product.tokens.infer, 120_000);
  const request = prepareRequest('image', [1, 3, 224, 224], new Float32Array(3 * 224 * 224).fill(0.5));
  try {
    for (let i = 0; i < 3; i++) {
      const { kind } = await client.infer('alexnet', request);
      if (kind !== 'answered') throw new Error(`the deployment does not answer: ${kind}`);
    }
  } finally {
    client.close();
  }
  return (await product.devices()).flatMap(({ name, processId, memory: { storeBytes } }) => {
    if (processId === null) return [];
    const { proportionalBytes, residentBytes, anonymousBytes } = memoryOfTree(processId);
    return [
      {
        device: name,
        shardsMb: storeBytes / MEGABYTE,
        proportionalMb: proportionalBytes / MEGABYTE,
        residentMb: residentBytes / MEGABYTE,
        anonymousMb: anonymousBytes / MEGABYTE,
        overShards: (proportionalBytes - 100 * MEGABYTE) / storeBytes,
        overShardsAlone: (residentBytes - 100 * MEGABYTE) / storeBytes,
      },
    ];
  });
}

export const plan: Benchmark = {
  name: 'plan',
  summary: 'AlexNet from upload to plan to six agents ÷ raw TCP for the same bytes; memory on the way',
  async run({ log }) {
    const model = joinChunks(await zooModel('alexnet')!.chunks()) as Uint8Array<ArrayBuffer>;
    const product = await Product.start({
      args: ['--no-demo', '--fleet', String(AGENTS)],
      withoutDemo: true,
    });
    try {
      await product.eventually('every device ready', async () => {
        const devices = await product.devices();
        return devices.filter(({ state }) => state === 'ready').length === AGENTS;
      });
      const planned = await uploadAndPlan(product, model);
      log(
        `upload to plan ${planned.ms.toFixed(0)} ms, extra memory ${planned.extraAnonymous.toFixed(2)} × the model`,
      );
      const { ms, encodedMs, bytesEach } = await distribute(product);
      const agents = await agentMemory(product);
      const rawMs = [await rawTcpMs(bytesEach), await rawTcpMs(bytesEach), await rawTcpMs(bytesEach)];
      const raw = [...rawMs].sort((a, b) => a - b)[1]!;
      const worstAgent = Math.max(...agents.map(({ overShards }) => overShards));
      log(
        `encoded in ${encodedMs.toFixed(0)} ms, and on every device in ${ms.toFixed(0)} ms; raw TCP ${raw.toFixed(0)} ms`,
      );
      const value = ms / raw;
      return {
        name: 'plan',
        value,
        unit: '× raw TCP, encoding and distributing',
        goal: '≤ 3, with upload to plan < 5 s and < 1.5 × the model of memory, agents ≤ 100 MB + 1.1 × shards',
        met: value <= 3 && planned.ms < 5000 && planned.extraAnonymous < 1.5 && worstAgent <= 1.1,
        details: {
          modelBytes: model.byteLength,
          distributedBytes: bytesEach.reduce((sum, bytes) => sum + bytes, 0),
          agentsAndParity: CHOICE,
          uploadToPlan: { ms: planned.ms, uploadMs: planned.uploadMs, met: planned.ms < 5000 },
          extraMemory: {
            anonymous: planned.extraAnonymous,
            residentWithMappedFiles: planned.extraResident,
            met: planned.extraAnonymous < 1.5,
          },
          distributing: { ms, encodedAfterMs: encodedMs, rawTcpMs: rawMs, met: value <= 3 },
          agentMemory: {
            worstOver100MbPerShardByte: worstAgent,
            met: worstAgent <= 1.1,
            onAMachineOfItsOwn: Math.max(...agents.map(({ overShardsAlone }) => overShardsAlone)),
          },
          agents,
        },
      };
    } finally {
      await product.stop();
      product.removeHome();
    }
  },
};
