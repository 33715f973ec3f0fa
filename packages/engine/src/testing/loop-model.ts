import { DATA_TYPE, joinChunks, writeModel } from '@sparewheel/onnx';
import { floats, graph, model, node, value } from '@sparewheel/onnx/testing';
import type { Tensor } from '@sparewheel/protocol';

/** Returns a model whose caller chooses the rounds of a loop: y = x · 2^rounds, with x and y [1]. */
export function loopModel(): Uint8Array {
  const int64 = DATA_TYPE.int64;
  const bool = DATA_TYPE.bool;
  const body = graph({
    inputs: [value('i', [], int64), value('go', [], bool), value('state', [1])],
    nodes: [node('Identity', ['go'], ['on']), node('Mul', ['state', 'two'], ['next'])],
    outputs: [value('on', [], bool), value('next', [1])],
  });
  return joinChunks([
    ...writeModel(
      model({
        nodes: [node('Loop', ['rounds', '', 'x'], ['y'], [{ name: 'body', kind: 'graph', value: body }])],
        initializers: [floats('two', [1], [2])],
        inputs: [value('rounds', [], int64), value('x', [1])],
        outputs: [value('y', [1])],
      }),
    ),
  ]);
}

/** Returns feeds of `loopModel`. */
export function loopFeeds(rounds: number, x = 1): Record<string, Tensor> {
  return {
    rounds: { type: 'int64', dims: [], data: BigInt64Array.of(BigInt(rounds)) },
    x: { type: 'float32', dims: [1], data: Float32Array.of(x) },
  };
}

/** Rounds that take hours. */
export const ENDLESS = 10 ** 12;
