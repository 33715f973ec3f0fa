import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDirectEngine, type Engine, EngineError } from '@sparewheel/engine';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { IntactBlobs } from './intact-blobs.ts';
import { EngineCompute } from './local-compute.ts';
import { type LinearModel, linearModel } from './testing/linear-model.ts';

let directory: string;
let model: LinearModel;
let blobs: IntactBlobs;
let damaged: string[];
let steps: Engine;
let rescues: Engine;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sparewheel-blobs-'));
  model = await linearModel(directory);
  damaged = [];
  blobs = new IntactBlobs(directory, (sha256) => damaged.push(sha256));
  steps = await createDirectEngine();
  rescues = await createDirectEngine();
});
afterEach(async () => {
  await Promise.all([steps.close(), rescues.close()]);
  await rm(directory, { recursive: true, force: true });
});

const x = Float32Array.of(1, -2, 3, -4, 5, -6, 7, -8);
const names = { feeds: ['x'], fetches: ['z'] };
const feed = { type: 'float32', dims: [1, 8], data: x } as const;

async function isLoaded(engine: Engine, key: string): Promise<boolean> {
  try {
    await engine.run(key, {});
    return true;
  } catch (error) {
    return !(error instanceof EngineError && error.code === 'unknown-model');
  }
}

it('rescues a shard from its files', async () => {
  const compute = new EngineCompute(directory, blobs, { steps, rescues });
  const [first] = model.deployment.artifacts.product!;
  const [z] = await compute.run(first!, names, [feed]);
  const relu = Float32Array.from(z!.data as Float32Array, (value) => Math.max(0, value));
  for (const [at, value] of relu.entries()) expect(value).toBeCloseTo(model.expected(x)[at]!, 5);
});

it('runs local steps and rescues in separate engines', async () => {
  const compute = new EngineCompute(directory, blobs, { steps, rescues });
  const local = model.deployment.artifacts.activation!;
  await compute.preload(local);
  const z = {
    type: 'float32',
    dims: [1, 12],
    data: Float32Array.from({ length: 12 }, (_, at) => at - 6),
  } as const;
  const [y] = await compute.run(local[0]!, { feeds: ['z'], fetches: ['y'] }, [z]);
  expect([...(y!.data as Float32Array)].slice(5, 9)).toEqual([0, 0, 1, 2]);
  expect(await isLoaded(rescues, local[0]!.graph.sha256)).toBe(false);
});

it('unloads a local step when the last deployment releases it', async () => {
  const compute = new EngineCompute(directory, blobs, { steps, rescues });
  const local = model.deployment.artifacts.activation!;
  const key = local[0]!.graph.sha256;
  await compute.preload(local);
  await compute.preload(local);
  await compute.release(local);
  expect(await isLoaded(steps, key)).toBe(true);
  await compute.release(local);
  expect(await isLoaded(steps, key)).toBe(false);
});

it('keeps the most recently used rescue shards within its memory limit', async () => {
  const artifacts = model.deployment.artifacts.product!;
  const size = artifacts[0]!.graph.bytes + artifacts[0]!.weights!.bytes;
  const compute = new EngineCompute(directory, blobs, { steps, rescues }, 2.5 * size);
  for (const at of [0, 1, 0, 2]) await compute.run(artifacts[at]!, names, [feed]);
  const loaded = await Promise.all(artifacts.map(({ graph }) => isLoaded(rescues, graph.sha256)));
  expect(loaded).toEqual([true, false, true, false]);
});

it('waits for the repair of a damaged shard instead of computing with it', async () => {
  const compute = new EngineCompute(directory, blobs, { steps, rescues });
  const [first] = model.deployment.artifacts.product!;
  const { sha256 } = first!.weights!;
  const path = join(directory, sha256);
  const intact = await readFile(path);
  await writeFile(path, changed(intact));

  const running = compute.run(first!, names, [feed]);
  await expect.poll(() => damaged).toEqual([sha256]);
  await writeFile(path, intact);
  blobs.repaired(sha256, null);
  const [z] = await running;
  const [first0] = z!.data as Float32Array;
  expect(Math.max(0, first0!)).toBeCloseTo(model.expected(x)[0]!, 5);
});

it('refuses a damaged shard that cannot be repaired, and verifies it again at the next use', async () => {
  const compute = new EngineCompute(directory, blobs, { steps, rescues });
  const [first] = model.deployment.artifacts.product!;
  const { sha256 } = first!.weights!;
  const path = join(directory, sha256);
  const intact = await readFile(path);
  await writeFile(path, changed(intact));

  const running = compute.run(first!, names, [feed]);
  running.catch(() => {});
  await expect.poll(() => damaged).toHaveLength(1);
  blobs.repaired(sha256, 'The model file is damaged, too.');
  await expect(running).rejects.toThrow('The model file is damaged, too.');

  await writeFile(path, intact);
  expect(await compute.run(first!, names, [feed])).toHaveLength(1);
});

it('reports a repair that did not help', async () => {
  const compute = new EngineCompute(directory, blobs, { steps, rescues });
  const [first] = model.deployment.artifacts.product!;
  const { sha256 } = first!.weights!;
  await rm(join(directory, sha256));
  const running = compute.run(first!, names, [feed]);
  running.catch(() => {});
  await expect.poll(() => damaged).toHaveLength(1);
  blobs.repaired(sha256, null);
  await expect(running).rejects.toThrow('Check the disk');
});

function changed(data: Buffer): Buffer {
  const copy = Buffer.from(data);
  copy[copy.length >> 1]! ^= 1;
  return copy;
}
