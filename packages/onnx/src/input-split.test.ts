import { describe, expect, it } from 'vitest';
import { detachWeights } from './cut.ts';
import { analyzeInputSplit, type InputSplitLayer, inputShardModel, isDivisible } from './input-split.ts';
import { constantsOf, shapesOf } from './linear.ts';
import { type Attribute, attribute, type Model, type Node } from './model.ts';
import { floats, model, node, value } from './testing/small-model.ts';
import { joinChunks } from './writer.ts';

const ints = (name: string, ...values: number[]): Attribute => ({
  name,
  kind: 'ints',
  value: values.map(BigInt),
});
const int = (name: string, number: number): Attribute => ({ name, kind: 'int', value: BigInt(number) });
const text = (name: string, content: string): Attribute => ({
  name,
  kind: 'string',
  value: new TextEncoder().encode(content),
});

function analyze(graph: Model['graph'], index = 0) {
  return analyzeInputSplit(graph, index, constantsOf(graph), shapesOf(graph));
}

/** x [1, 4, 12, 9] → Conv with a 5 × 3 kernel → y. */
function conv(attributes: readonly Attribute[], rows: number, group = 1, bias = true): Model {
  return model({
    nodes: [node('Conv', ['x', 'w', ...(bias ? ['b'] : [])], ['y'], [...attributes, int('group', group)])],
    initializers: [floats('w', [64, 4 / group, 5, 3]), ...(bias ? [floats('b', [64])] : [])],
    inputs: [value('x', [1, 4, 12, 9])],
    outputs: [value('y', [1, 64, rows, 9])],
  });
}

describe('the input of a layer can be divided', () => {
  it('along the height of a convolution, with strides, pads and dilations', () => {
    const attributes = [
      ints('pads', 3, 1, 2, 1),
      ints('strides', 2, 1),
      ints('dilations', 2, 1),
      ints('kernel_shape', 5, 3),
    ];
    expect(analyze(conv(attributes, 5).graph)).toMatchObject({
      axis: 2,
      inputRows: 12,
      outputRows: 5,
      window: 9,
      stride: 2,
      padBefore: 3,
      addend: { name: 'b', index: 2 },
    });
  });

  it.each([
    ['SAME_UPPER', 6, 1],
    ['SAME_LOWER', 6, 2],
    ['VALID', 4, 0],
  ])('with automatic padding %s', (mode, rows, padBefore) => {
    const layer = analyze(conv([text('auto_pad', mode), ints('strides', 2, 1)], rows).graph);
    expect(layer).toMatchObject({ outputRows: rows, padBefore });
  });

  it('also if the convolution is depthwise', () => {
    expect(isDivisible(analyze(conv([ints('pads', 2, 1, 2, 1)], 12, 4).graph))).toBe(true);
  });

  it.each([
    [
      'an unknown height',
      [node('Conv', ['x', 'w'], ['y'])],
      [1, 4, 'h', 9],
      [64, 4, 5, 3],
      /height of its input is not fixed/,
    ],
    ['a vector', [node('MatMul', ['x', 'w'], ['y'])], [8], [8, 4], /is a vector/],
    ['batched weights', [node('MatMul', ['x', 'w'], ['y'])], [2, 3, 8], [2, 8, 4], /shape \[2, 8, 4\]/],
    [
      'a transposed input',
      [node('Gemm', ['x', 'w'], ['y'], [int('transA', 1)])],
      [8, 3],
      [8, 4],
      /transposed/,
    ],
    [
      'a transposed convolution',
      [node('ConvTranspose', ['x', 'w'], ['y'])],
      [1, 4, 5, 5],
      [4, 2, 3, 3],
      /transposed convolutions/,
    ],
    [
      'rows that are the channels of a grouped convolution',
      [node('Conv', ['x', 'v'], ['h'], [int('group', 2)]), node('MatMul', ['h', 'w'], ['y'])],
      [1, 4, 8],
      [8, 4],
      /channels of a grouped convolution/,
    ],
  ] as const)('but not with %s', (_, nodes, input, weights, reason) => {
    const { graph } = model({
      nodes: nodes as readonly Node[],
      initializers: [floats('w', weights), floats('v', [4, 2, 1])],
      inputs: [value('x', input)],
      valueInfos: [value('h', [1, 4, 8])],
      outputs: [value('y', [1, 64, 8, 7])],
    });
    expect(analyze(graph, nodes.length - 1)).toMatchObject({ reason: expect.stringMatching(reason) });
  });
});

describe('the shards of a divided input', () => {
  const source = conv([ints('pads', 2, 1, 2, 1)], 12);
  const layer = analyze(source.graph) as InputSplitLayer;
  const shard = (factor: number) =>
    inputShardModel(
      { model: source, external: new Map() as never },
      layer,
      { inputRows: 8, outputRows: 4 },
      factor,
    );

  it('have the shapes of a piece and no padding along the height', () => {
    const { graph } = shard(1).model;
    expect(graph.inputs[0]!.type).toMatchObject({ dims: [1, 4, 8, 9] });
    expect(graph.outputs[0]!.type).toMatchObject({ dims: [1, 64, 4, 9] });
    expect(attribute(graph.nodes[0]!, 'pads')).toMatchObject({ value: [0n, 1n, 0n, 1n] });
  });

  it('share one weights file, also with scaled biases', () => {
    const [data, parity] = [shard(1), shard(3)].map((each) => detachWeights(each));
    expect(data!.weightsBytes).toBeGreaterThan(0);
    expect([...parity!.weights()].map((part) => [...part])).toEqual(
      [...data!.weights()].map((part) => [...part]),
    );
    const graphs = [data!, parity!].map((each) => joinChunks(each.graph('0'.repeat(64))));
    expect(graphs[0]).not.toEqual(graphs[1]);
    expect(shard(3).model.graph.nodes.map(({ opType }) => opType)).toEqual(['Mul', 'Conv']);
  });
});
