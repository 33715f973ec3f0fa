import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Tensor } from '@sparewheel/protocol';
import { describe, expect, it, vi } from 'vitest';
import { tinyModel } from './testing/tiny-model.ts';
import { createWorkerEngine } from './worker-engine.ts';

describe('worker engine', () => {
  it('leaves the event loop free while it computes', async () => {
    const engine = await createWorkerEngine({ backend: 'native' });
    const size = 1_000;
    const weights = new Float32Array(size * size).fill(1);
    await engine.load('large', { kind: 'bytes', graph: tinyModel({ inner: size, columns: size, weights }) });
    const x: Tensor = { type: 'float32', dims: [size, size], data: new Float32Array(size * size) };
    const run = engine.run('large', { x });
    let turns = 0;
    let done = false;
    void run.then(() => {
      done = true;
    });
    while (!done) {
      await wait(1);
      turns++;
    }
    const { computeMs } = await run;
    // A run in this thread would let the loop turn only once or twice.
    expect(turns).toBeGreaterThan(Math.min(5, computeMs / 10));
    await engine.close();
  });

  it('rejects pending and later calls when its thread dies', async () => {
    const engine = await createWorkerEngine({ backend: 'native' });
    const postMessage = vi.spyOn(Worker.prototype, 'postMessage');
    await engine.load('tiny', {
      kind: 'bytes',
      graph: tinyModel({ inner: 1, columns: 1, weights: new Float32Array(1) }),
    });
    const x: Tensor = { type: 'float32', dims: [1, 1], data: new Float32Array(1) };
    const pending = Array.from({ length: 5 }, () => engine.run('tiny', { x }));
    const settled = Promise.allSettled(pending);
    await (postMessage.mock.contexts[0] as Worker | undefined)?.terminate();
    postMessage.mockRestore();
    const crash = expect.objectContaining({ name: 'EngineError', code: 'worker-crashed' });
    expect((await settled).at(-1)).toEqual({ status: 'rejected', reason: crash });
    await expect(engine.run('tiny', { x })).rejects.toEqual(crash);
    await engine.close();
  });
});
