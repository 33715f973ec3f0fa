import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Product } from '@sparewheel/e2e/product';
import { joinChunks } from '@sparewheel/onnx';
import { zooModel } from '@sparewheel/zoo';
import type { Benchmark } from './benchmark.ts';
import { InferenceClient, prepareRequest } from './inference-client.ts';
import { percentile } from './measure.ts';
import { memoryOfTree, watchMemory } from './process-memory.ts';
import { type RawWork, startRawPeer, stopRawPeers } from './raw-tcp.ts';

const AGENTS = 6;
const PLAN_OPTIONS = { model: 'alexnet', k: 5, r: 1, strategy: 'coded', layers: 'all' } as const;
const MEGABYTE = 2 ** 20;

const isAgent = (commandLine: string) => /agent\/dist/.test(commandLine);

/**
 * Returns the milliseconds in which plain sockets send `bytesEach` to one process each, all in parallel. The processes
 * discard the bytes, or hash them and write them to a file.
 */
async function rawTcpMs(kind: 'discard' | 'store', bytesEach: readonly number[]): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'sparewheel-raw-'));
  const work = (index: number): RawWork =>
    kind === 'store' ? { kind, file: join(home, String(index)) } : { kind };
  const peers = await Promise.all(bytesEach.map((bytes, index) => startRawPeer(bytes, 1, work(index))));
  const piece = Buffer.alloc(256 * 1024, 1);
  const startedAt = performance.now();
  await Promise.all(
    peers.map(async ({ socket }, index) => {
      const answered = once(socket, 'data');
      for (let left = bytesEach[index]!; left > 0; left -= piece.length) {
        if (!socket.write(left < piece.length ? piece.subarray(0, left) : piece)) await once(socket, 'drain');
      }
      await answered;
    }),
  );
  const tookMs = performance.now() - startedAt;
  await stopRawPeers(peers);
  rmSync(home, { recursive: true, force: true });
  return tookMs;
}

/**
 * Uploads a model and plans it. @returns times, and the control plane's extra peak memory ÷ the model's size
 */
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
  if (uploaded.status !== 201) throw new Error(`upload failed: ${JSON.stringify(uploaded.body)}`);
  const planned = await product.api('/api/plans', { method: 'POST', json: PLAN_OPTIONS });
  const ms = performance.now() - startedAt;
  if (planned.status !== 200) throw new Error(`planning failed: ${JSON.stringify(planned.body)}`);
  const peak = memory.stop();
  return {
    ms,
    uploadMs,
    extraAnonymous: (peak.anonymousBytes - before.anonymousBytes) / model.byteLength,
    extraResident: (peak.residentBytes - before.residentBytes) / model.byteLength,
  };
}

/** Devices report their stored bytes once a second. A report that is unchanged for this long is final. */
const STABLE_FOR_MS = 2_500;

/**
 * Deploys, and waits until every seat is ready.
 * @returns milliseconds in total and until all shards were encoded, and the bytes that each device received
 */
async function distribute(product: Product) {
  const startedAt = performance.now();
  const created = await product.api('/api/deployments', {
    method: 'POST',
    json: { name: 'alexnet', ...PLAN_OPTIONS },
  });
  if (created.status !== 202) throw new Error(`deployment failed: ${JSON.stringify(created.body)}`);
  let encodedMs: number | null = null;
  const ready = async () => {
    const { state } = await product.deployment('alexnet');
    // The state changes when encoding ends. Sending overlaps with encoding.
    if (state !== 'preparing') encodedMs ??= performance.now() - startedAt;
    if (state === 'failed') throw new Error('the deployment ended in the state "failed"');
    return state === 'ready';
  };
  await product.eventually('the deployment ready', ready, 300_000);
  const ms = performance.now() - startedAt;
  let before = '';
  let since = 0;
  const bytesEach = await product.eventually('every device holds its shards', async () => {
    const held = (await product.devices()).map(({ memory }) => memory.storeBytes);
    if (before !== held.join()) since = performance.now();
    before = held.join();
    return performance.now() - since >= STABLE_FOR_MS && held.every((bytes) => bytes > MEGABYTE) && held;
  });
  return { ms, encodedMs: encodedMs ?? ms, bytesEach };
}

/**
 * Returns each agent's memory above 100 MB ÷ its shards, after a few requests. `overShards` uses the
 * proportional set size, because the agents on one machine share the pages of Node and ONNX Runtime.
 * `overShardsAlone` uses the resident set size, as for an agent that has the machine to itself.
 */
async function agentMemory(product: Product) {
  const client = new InferenceClient(product.ports.data, product.tokens.infer, 120_000);
  const request = prepareRequest('image', [1, 3, 224, 224], new Float32Array(3 * 224 * 224).fill(0.5));
  try {
    for (let i = 0; i < 3; i++) {
      const { kind } = await client.infer('alexnet', request);
      if (kind !== 'answered') throw new Error(`the deployment did not answer: ${kind}`);
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
  summary:
    'time to encode AlexNet and distribute it to six agents ÷ raw TCP whose peers hash and store; upload to plan; memory',
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
        `upload to plan ${planned.ms.toFixed(0)} ms, extra memory ${planned.extraAnonymous.toFixed(2)} × the model's size`,
      );
      const { ms, encodedMs, bytesEach } = await distribute(product);
      const agents = await agentMemory(product);
      const rawMs: Record<'store' | 'discard', number[]> = { store: [], discard: [] };
      for (let round = 0; round < 3; round++) {
        for (const kind of ['store', 'discard'] as const) rawMs[kind].push(await rawTcpMs(kind, bytesEach));
      }
      const raw = percentile(rawMs.store, 50);
      const worstAgent = Math.max(...agents.map(({ overShards }) => overShards));
      log(
        `encoded after ${encodedMs.toFixed(0)} ms, on every device after ${ms.toFixed(0)} ms; raw TCP with hash and file ${raw.toFixed(0)} ms`,
      );
      const value = ms / raw;
      return {
        name: 'plan',
        value,
        unit: '× raw TCP whose peers hash and store, to encode and distribute',
        goal: '≤ 2; upload to plan < 5 s; extra memory < 1.5 × the model; agents ≤ 100 MB + 1.1 × shards',
        met: value <= 2 && planned.ms < 5000 && planned.extraAnonymous < 1.5 && worstAgent <= 1.1,
        details: {
          modelBytes: model.byteLength,
          distributedBytes: bytesEach.reduce((sum, bytes) => sum + bytes, 0),
          agentsAndParity: PLAN_OPTIONS,
          uploadToPlan: { ms: planned.ms, uploadMs: planned.uploadMs, met: planned.ms < 5000 },
          extraMemory: {
            anonymous: planned.extraAnonymous,
            residentWithMappedFiles: planned.extraResident,
            met: planned.extraAnonymous < 1.5,
          },
          distributing: { ms, encodedAfterMs: encodedMs, rawTcpMs: rawMs, met: value <= 2 },
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
