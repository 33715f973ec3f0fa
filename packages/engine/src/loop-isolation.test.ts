import { joinChunks, writeModel } from '@sparewheel/onnx';
import { floats, graph, model, node, value } from '@sparewheel/onnx/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectEngine } from './direct-engine.ts';
import type { Engine } from './engine.ts';
import { LoopIsolation } from './loop-isolation.ts';
import { ProcessEngine } from './process-engine.ts';
import { ENDLESS, loopFeeds, loopModel } from './testing/loop-model.ts';
import { tinyModel } from './testing/tiny-model.ts';

let loops: ProcessEngine;
let engine: Engine;
beforeEach(async () => {
  loops = new ProcessEngine('native');
  engine = new LoopIsolation(await createDirectEngine({ backend: 'native' }), loops);
});
afterEach(() => engine.close());

const tiny = tinyModel({ inner: 1, columns: 1, weights: Float32Array.of(3) });

describe('loop isolation', () => {
  it('runs a model without a Loop in this process', async () => {
    await engine.load('tiny', { kind: 'bytes', graph: tiny });
    const x = { type: 'float32', dims: [1, 1], data: Float32Array.of(2) } as const;
    expect((await engine.run('tiny', { x })).fetches.y!.data).toEqual(Float32Array.of(6));
    expect(loops.processId).toBeUndefined();
  });

  it('runs a model with a Loop in a child process, within its time', async () => {
    await engine.load('loop', { kind: 'bytes', graph: loopModel() });
    expect(loops.processId).toBeDefined();
    const endless = engine.run('loop', loopFeeds(ENDLESS), ['y'], undefined, 100);
    await expect(endless).rejects.toMatchObject({ code: 'timed-out' });
    const { fetches } = await engine.run('loop', loopFeeds(2), ['y']);
    expect(fetches.y!.data).toEqual(Float32Array.of(4));
    await engine.unload('loop');
    expect(loops.processId).toBeUndefined();
  });

  it('finds a Loop in the body of another operator', async () => {
    const inner = graph({
      nodes: [node('Loop', ['n', '', 'x'], ['t'], [{ name: 'body', kind: 'graph', value: step() }])],
      outputs: [value('t', [1])],
    });
    const outer = graph({ nodes: [node('Identity', ['x'], ['e'])], outputs: [value('e', [1])] });
    const bytes = joinChunks([
      ...writeModel(
        model({
          nodes: [
            node(
              'If',
              ['choice'],
              ['y'],
              [
                { name: 'then_branch', kind: 'graph', value: inner },
                { name: 'else_branch', kind: 'graph', value: outer },
              ],
            ),
          ],
          initializers: [floats('two', [1], [2])],
          inputs: [value('choice', [], 9), value('n', [], 7), value('x', [1])],
          outputs: [value('y', [1])],
        }),
      ),
    ]);
    await engine.load('nested', { kind: 'bytes', graph: bytes });
    expect(loops.processId).toBeDefined();
  });

  it('passes on why a model cannot be loaded', async () => {
    const source = { kind: 'bytes', graph: new Uint8Array(3) } as const;
    await expect(engine.load('bad', source)).rejects.toMatchObject({ code: 'invalid-model' });
  });
});

function step() {
  return graph({
    inputs: [value('i', [], 7), value('go', [], 9), value('state', [1])],
    nodes: [node('Identity', ['go'], ['on']), node('Mul', ['state', 'two'], ['next'])],
    outputs: [value('on', [], 9), value('next', [1])],
  });
}
