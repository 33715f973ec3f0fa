import type { Tensor } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { AdaptiveEngine } from './adaptive-engine.ts';
import type { Engine, RunResult } from './engine.ts';

/** An engine whose runs take as long as it is told, and that remembers what was asked of it. */
class ScriptedEngine implements Engine {
  readonly backend = 'native';
  readonly loaded = new Set<string>();
  computeMs = 0;
  runs = 0;
  refuseLoads = false;

  async load(key: string) {
    if (this.refuseLoads) throw new Error('no such file');
    this.loaded.add(key);
    return { feeds: ['x'], fetches: ['y'] };
  }
  async run(key: string): Promise<RunResult> {
    if (!this.loaded.has(key)) throw new Error(`${key} is not loaded`);
    this.runs++;
    return { fetches: {}, computeMs: this.computeMs };
  }
  async unload(key: string) {
    this.loaded.delete(key);
  }
  async close() {}
}

const feeds: Record<string, Tensor> = {};
const source = { kind: 'file', path: 'model.onnx' } as const;

async function setUp(computeMs: number) {
  const worker = new ScriptedEngine();
  const direct = new ScriptedEngine();
  worker.computeMs = computeMs;
  direct.computeMs = computeMs;
  const engine = new AdaptiveEngine(worker, direct);
  await engine.load('model', source);
  const run = async (times: number) => {
    for (let i = 0; i < times; i++) await engine.run('model', feeds);
    // Moves go on behind the runs; everything scripted settles within a few microtasks.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { engine, worker, direct, run };
}

describe('adaptive engine', () => {
  it('brings a model whose runs are short into the calling thread, and frees the other session', async () => {
    const { worker, direct, run } = await setUp(0.1);
    await run(3);
    expect([...direct.loaded]).toEqual(['model']);
    expect([...worker.loaded]).toEqual([]);
    await run(5);
    expect(direct.runs).toBe(5);
  });

  it('leaves a model whose runs are long in the worker', async () => {
    const { worker, direct, run } = await setUp(2);
    await run(20);
    expect(worker.runs).toBe(20);
    expect([...direct.loaded]).toEqual([]);
  });

  it('is not moved by single runs that happen to be short or long', async () => {
    const { worker, direct, run } = await setUp(0.1);
    for (let i = 0; i < 5; i++) {
      worker.computeMs = 0.1;
      await run(2);
      worker.computeMs = 2;
      await run(1);
    }
    expect([...direct.loaded]).toEqual([]);
    worker.computeMs = 0.1;
    await run(3);
    direct.computeMs = 50;
    await run(1);
    direct.computeMs = 0.1;
    await run(1);
    expect([...direct.loaded]).toEqual(['model']);
  });

  it('sends a model away again when its runs have become long', async () => {
    const { worker, direct, run } = await setUp(0.1);
    await run(3);
    direct.computeMs = 10;
    await run(2);
    expect([...worker.loaded]).toEqual(['model']);
    expect([...direct.loaded]).toEqual([]);
  });

  it('stays where it is when the model cannot be loaded in the other place', async () => {
    const { worker, direct, run } = await setUp(0.1);
    direct.refuseLoads = true;
    await run(10);
    expect(worker.runs).toBe(10);
  });

  it('leaves no session behind when a model is unloaded while it moves', async () => {
    const { engine, worker, direct } = await setUp(0.1);
    for (let i = 0; i < 3; i++) await engine.run('model', feeds);
    await engine.unload('model');
    await new Promise((resolve) => setImmediate(resolve));
    expect([...worker.loaded, ...direct.loaded]).toEqual([]);
  });
});
