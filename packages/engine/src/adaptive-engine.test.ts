import type { Tensor } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { AdaptiveEngine } from './adaptive-engine.ts';
import type { Engine, RunResult } from './engine.ts';

/** An engine with a fixed run time that records its calls. */
class ScriptedEngine implements Engine {
  readonly backend = 'native';
  readonly loaded = new Set<string>();
  computeMs = 0;
  runs = 0;
  rejectLoads = false;

  async load(key: string) {
    if (this.rejectLoads) throw new Error('no such file');
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
  const engine = new AdaptiveEngine(worker, direct, { shortMs: 0.5, longMs: 4, smallBytes: 1_000 });
  await engine.load('model', source);
  const run = async (times: number) => {
    for (let i = 0; i < times; i++) await engine.run('model', feeds);
    // Moves continue after the runs; with scripted engines they settle within a few microtasks.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { engine, worker, direct, run };
}

describe('adaptive engine', () => {
  it('moves a model with short runs into the calling thread and frees the other session', async () => {
    const { worker, direct, run } = await setUp(0.1);
    await run(3);
    expect([...direct.loaded]).toEqual(['model']);
    expect([...worker.loaded]).toEqual([]);
    await run(5);
    expect(direct.runs).toBe(5);
  });

  it('leaves a model with long runs in the worker', async () => {
    const { worker, direct, run } = await setUp(2);
    await run(20);
    expect(worker.runs).toBe(20);
    expect([...direct.loaded]).toEqual([]);
  });

  it('starts a small model in the calling thread, and moves it when its runs are long', async () => {
    const { engine, worker, direct } = await setUp(2);
    await engine.load('small', source, { bytes: 1_000 });
    await engine.load('large', source, { bytes: 1_001 });
    expect([...direct.loaded]).toEqual(['small']);
    expect([...worker.loaded]).toEqual(['model', 'large']);
    direct.computeMs = 10;
    for (let run = 0; run < 2; run++) await engine.run('small', feeds);
    await new Promise((resolve) => setImmediate(resolve));
    expect([...direct.loaded]).toEqual([]);
  });

  it('ignores single runs that are short or long', async () => {
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

  it('moves a model back to the worker when its runs become long', async () => {
    const { worker, direct, run } = await setUp(0.1);
    await run(3);
    direct.computeMs = 10;
    await run(2);
    expect([...worker.loaded]).toEqual(['model']);
    expect([...direct.loaded]).toEqual([]);
  });

  it('leaves a model in place when the other engine cannot load it', async () => {
    const { worker, direct, run } = await setUp(0.1);
    direct.rejectLoads = true;
    await run(10);
    expect(worker.runs).toBe(10);
  });

  it('leaks no session when a model is unloaded while it moves', async () => {
    const { engine, worker, direct } = await setUp(0.1);
    for (let i = 0; i < 3; i++) await engine.run('model', feeds);
    await engine.unload('model');
    await new Promise((resolve) => setImmediate(resolve));
    expect([...worker.loaded, ...direct.loaded]).toEqual([]);
  });
});
