import { elementCount } from '@sparewheel/protocol';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { constantsOf, type Shapes, shapesOf } from './linear.ts';
import type { Attribute, Model } from './model.ts';
import { floats, model, node, value } from './testing/small-model.ts';
import { type TileableSegment, tileableSegment, tileModel, tileNeeds } from './tile.ts';
import { joinChunks, writeModel } from './writer.ts';

const ints = (name: string, ...values: number[]): Attribute => ({
  name,
  kind: 'ints',
  value: values.map(BigInt),
});
const int = (name: string, number: number): Attribute => ({ name, kind: 'int', value: BigInt(number) });
const window = (kernel: number, { stride = 1, pad = 0, dilation = 1, more = [] as Attribute[] } = {}) => [
  ints('kernel_shape', kernel, kernel),
  ints('strides', stride, stride),
  ints('pads', pad, pad, pad, pad),
  ...(dilation > 1 ? [ints('dilations', dilation, dilation)] : []),
  ...more,
];

/** Shapes [1, 4, size, 7] → … → y. */
interface Case {
  readonly name: string;
  readonly size: number;
  readonly build: (size: number) => Model;
}

const CASES: Case[] = [
  {
    name: 'a convolution, its activation and a pool',
    size: 16,
    build: (size) =>
      model({
        nodes: [
          node('Conv', ['x', 'w', 'b'], ['c'], window(3, { pad: 1 })),
          node('Relu', ['c'], ['r']),
          node('MaxPool', ['r'], ['y'], window(3, { stride: 2, pad: 1 })),
        ],
        initializers: [floats('w', [6, 4, 3, 3]), floats('b', [6])],
        inputs: [value('x', [1, 4, size, 8])],
        valueInfos: [value('c', [1, 6, size, 8]), value('r', [1, 6, size, 8])],
        outputs: [value('y', [1, 6, size / 2, 4])],
      }),
  },
  {
    name: 'a residual block',
    size: 13,
    build: (size) =>
      model({
        nodes: [
          node('Conv', ['x', 'w1', 'b1'], ['c1'], window(3, { pad: 1 })),
          node('Relu', ['c1'], ['r1']),
          node('Conv', ['r1', 'w2', 'b2'], ['c2'], window(3, { pad: 1 })),
          node('Add', ['c2', 'x'], ['sum']),
          node('Relu', ['sum'], ['y']),
        ],
        initializers: [
          floats('w1', [5, 4, 3, 3]),
          floats('b1', [5]),
          floats('w2', [4, 5, 3, 3]),
          floats('b2', [4]),
        ],
        inputs: [value('x', [1, 4, size, 8])],
        valueInfos: [
          value('c1', [1, 5, size, 8]),
          value('r1', [1, 5, size, 8]),
          value('c2', [1, 4, size, 8]),
          value('sum', [1, 4, size, 8]),
        ],
        outputs: [value('y', [1, 4, size, 8])],
      }),
  },
  {
    name: 'strided, dilated, depthwise, averaged and joined branches',
    size: 24,
    build: (size) =>
      model({
        nodes: [
          node(
            'Conv',
            ['x', 'depthwise'],
            ['d'],
            window(3, { pad: 2, dilation: 2, more: [int('group', 4)] }),
          ),
          node('HardSwish', ['d'], ['h']),
          node('Conv', ['h', 'strided', 'b'], ['s'], window(3, { stride: 2, pad: 1 })),
          node('AveragePool', ['x'], ['a'], window(3, { stride: 2, pad: 1 })),
          node('Concat', ['s', 'a'], ['j'], [int('axis', 1)]),
          node('Mul', ['j', 'scale'], ['y']),
        ],
        initializers: [
          floats('depthwise', [4, 1, 3, 3]),
          floats('strided', [3, 4, 3, 3]),
          floats('b', [3]),
          floats('scale', [7, 1, 1]),
        ],
        inputs: [value('x', [1, 4, size, 8])],
        valueInfos: [
          value('d', [1, 4, size, 8]),
          value('h', [1, 4, size, 8]),
          value('s', [1, 3, size / 2, 4]),
          value('a', [1, 4, size / 2, 4]),
          value('j', [1, 7, size / 2, 4]),
        ],
        outputs: [value('y', [1, 7, size / 2, 4])],
      }),
  },
];

const all = ({ graph }: Model) => ({
  nodes: graph.nodes.map((_, index) => index),
  feeds: graph.inputs.map(({ name }) => name),
  fetches: graph.outputs.map(({ name }) => name),
});

const rowsIn = (shapes: Shapes) => (name: string) => shapes.get(name)![2]!;

async function run(made: Model, data: Float32Array, dims: readonly number[]): Promise<Float32Array> {
  const session = await InferenceSession.create(joinChunks(writeModel(made)), { logSeverityLevel: 4 });
  const { y } = await session.run({ x: new Tensor('float32', data, dims) });
  await session.release();
  return y!.data as Float32Array;
}

/** The part [from, to) along the height of [1, channels, height, width]. */
function rowsOf(data: Float32Array, dims: readonly number[], from: number, to: number): Float32Array {
  const [, channels, height, width] = dims as [number, number, number, number];
  const part = new Float32Array(channels * (to - from) * width);
  for (let channel = 0; channel < channels; channel++) {
    const start = (channel * height + from) * width;
    part.set(data.subarray(start, start + (to - from) * width), channel * (to - from) * width);
  }
  return part;
}

describe('a segment cut into tiles', () => {
  it.each(CASES)('gives the same rows as the whole: $name', async ({ size, build }) => {
    const whole = build(size);
    const shapes = shapesOf(whole.graph);
    const segment = tileableSegment(whole, all(whole), constantsOf(whole.graph), shapes) as TileableSegment;
    expect(segment).not.toHaveProperty('reason');
    const [xDims, yDims] = [shapes.get('x')!, shapes.get('y')!];
    const x = Float32Array.from({ length: elementCount(xDims) }, (_, i) => Math.sin(i * 0.7));
    const y = await run(whole, x, xDims);
    for (const tiles of [1, 2, 3, 5]) {
      const height = yDims[2]!;
      for (let tile = 0; tile < tiles; tile++) {
        const output = {
          from: Math.floor((tile * height) / tiles),
          to: Math.floor(((tile + 1) * height) / tiles),
        };
        const { input } = tileNeeds(segment, rowsIn(shapes), output);
        const part = rowsOf(x, xDims, input.from, input.to);
        const answer = await run(
          tileModel(whole, segment, shapes, output),
          part,
          xDims.with(2, input.to - input.from),
        );
        const expected = rowsOf(y, yDims, output.from, output.to);
        expect(answer).toHaveLength(expected.length);
        for (let i = 0; i < expected.length; i++) expect(answer[i]).toBeCloseTo(expected[i]!, 4);
      }
    }
  });

  it('needs a halo for each convolution on its way, cut at the edge of the image', () => {
    const whole = CASES[1]!.build(13);
    const shapes = shapesOf(whole.graph);
    const segment = tileableSegment(whole, all(whole), constantsOf(whole.graph), shapes) as TileableSegment;
    const needs = (from: number, to: number) => tileNeeds(segment, rowsIn(shapes), { from, to }).input;
    expect(needs(4, 8)).toEqual({ from: 2, to: 10 });
    expect(needs(0, 4)).toEqual({ from: 0, to: 6 });
    expect(needs(10, 13)).toEqual({ from: 8, to: 13 });
  });

  it.each([
    ['looks at the whole image', node('Softmax', ['x'], ['y'])],
    ['combines "k" along the rows', node('Add', ['x', 'k'], ['y'])],
    [
      'pads automatically',
      node(
        'MaxPool',
        ['x'],
        ['y'],
        [
          ints('kernel_shape', 1, 1),
          { name: 'auto_pad', kind: 'string', value: new TextEncoder().encode('SAME_UPPER') },
        ],
      ),
    ],
    ['joins rows', node('Concat', ['x', 'x'], ['y'], [int('axis', 2)])],
  ])('is refused with a reason: %s', (reason, only) => {
    const whole = model({
      nodes: [only],
      initializers: [floats('k', [6, 8])],
      inputs: [value('x', [1, 4, 6, 8])],
      outputs: [value('y', [1, 4, only.opType === 'Concat' ? 12 : 6, 8])],
    });
    expect(tileableSegment(whole, all(whole), constantsOf(whole.graph), shapesOf(whole.graph))).toMatchObject(
      { reason: expect.stringContaining(reason) },
    );
  });
});
