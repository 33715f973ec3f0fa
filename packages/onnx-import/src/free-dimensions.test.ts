import { type Attribute, DATA_TYPE, DynamicShapeError, type Model } from '@sparewheel/onnx';
import { floats, model, node, smallModel, value } from '@sparewheel/onnx/testing';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { importFolder, readCanonical } from './testing/import-folder.ts';

const { convertModel, rejection } = importFolder();

function shapes(path: string) {
  const { inputs, outputs, valueInfos } = readCanonical(path).graph;
  return Object.fromEntries(
    [...inputs, ...valueInfos, ...outputs].map(({ name, type }) => [
      name,
      type?.kind === 'tensor' ? type.dims : null,
    ]),
  );
}

const ints = (name: string, values: readonly number[]) => ({
  name,
  dims: [values.length],
  dataType: DATA_TYPE.int64,
  storage: { kind: 'raw' as const, bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) },
});
const window = (size: number): Attribute[] => [{ name: 'kernel_shape', kind: 'ints', value: [BigInt(size)] }];

describe('free dimensions', () => {
  const withInput = (dims: readonly (string | number | null)[], rest: Partial<Model['graph']> = {}) =>
    model({ ...smallModel().graph, inputs: [value('x', dims)], outputs: [{ name: 'y' }], ...rest });

  it.each([
    ['with a name', 'rows', 'rows'],
    ['without a name', null, 'x.0'],
    ['written as 0, as some exporters do', 0, 'x.0'],
  ])('%s stay free', async (_, dim, name) => {
    const { graph, free } = await convertModel(withInput([dim, 4]));
    const found = shapes(graph.path);
    expect(found.x).toEqual([name, 4]);
    expect(found.h).toEqual([null, 3]);
    expect(found.y).toEqual([null, 3]);
    expect(free.inputs.x).toMatchObject([{ name, usual: 1 }, null]);
    expect(free.usual).toMatchObject({ x: [1, 4], h: [1, 3], y: [1, 3] });
    const session = await InferenceSession.create(graph.path);
    for (const rows of [1, 3, 17]) {
      const x = new Tensor('float32', new Float32Array(4 * rows), [rows, 4]);
      expect((await session.run({ x })).y!.dims).toEqual([rows, 3]);
    }
    await session.release();
  });

  it('have the usual sizes of a batch, a length and a picture', async () => {
    const pixels = withInput(['n', 3, 'height', 'width'], {
      nodes: [node('GlobalAveragePool', ['x'], ['y'])],
      initializers: [],
    });
    expect((await convertModel(pixels)).free.usual).toMatchObject({ x: [1, 3, 224, 224], y: [1, 3, 1, 1] });
    const words = withInput(['seq_len', 'batch', 4], { nodes: [node('Relu', ['x'], ['y'])] });
    expect((await convertModel(words)).free.usual.x).toEqual([16, 1, 4]);
  });

  it('get another usual size from a hint, and stay free', async () => {
    const { graph, free } = await convertModel(withInput(['rows', 4]), { dims: { rows: 5 } });
    expect(free.inputs.x).toMatchObject([{ name: 'rows', usual: 5 }, null]);
    expect(free.usual.y).toEqual([5, 3]);
    expect(shapes(graph.path).y).toEqual([null, 3]);
  });

  it('are fixed by a whole shape', async () => {
    const { graph, free } = await convertModel(withInput(['rows', 4]), { shapes: { x: [2, 4] } });
    expect(shapes(graph.path)).toMatchObject({ x: [2, 4], y: [2, 3] });
    expect(free).toEqual({ inputs: {}, usual: {} });
  });

  it('are tried with other sizes if the usual one is too small for a window', async () => {
    const audio = withInput([1, 1, 'samples'], {
      nodes: [node('Conv', ['x', 'w'], ['y'], window(400))],
      initializers: [floats('w', [2, 1, 400])],
    });
    const { free } = await convertModel(audio);
    expect(free.inputs.x![2]).toMatchObject({ name: 'samples', usual: 1024 });
    expect(free.usual.y).toEqual([1, 2, 625]);
  });

  it('are tried in combinations if a batch is not recognized by its place or name', async () => {
    const step = model({
      nodes: [
        node('Conv', ['x', 'w'], ['c'], window(100)),
        node('ReduceMean', ['c'], ['m'], [{ name: 'axes', kind: 'ints', value: [2n] }]),
        node('Add', ['m', 'state'], ['y']),
      ],
      initializers: [floats('w', [2, 1, 100])],
      inputs: [value('x', [null, 1, null]), value('state', [2, null, 1])],
      outputs: [{ name: 'y' }],
    });
    const { free } = await convertModel(step);
    expect(free.inputs).toMatchObject({
      x: [{ name: 'x.0', usual: 1 }, null, { name: 'x.2', usual: 128 }],
      state: [null, { name: 'state.1', usual: 1 }, null],
    });
  });

  it('have a largest size with which every tensor fits into a frame', async () => {
    const outer = withInput(['rows', 4], { nodes: [node('MatMul', ['x', 'wide'], ['y'])] });
    const wide = floats('wide', [4, 100_000], new Array<number>(400_000).fill(1));
    const { free } = await convertModel({ ...outer, graph: { ...outer.graph, initializers: [wide] } });
    const { max } = free.inputs.x![0]!;
    // 400 kB for each row; a frame has 64 MiB.
    expect(max).toBe(Math.floor((0.95 * 64 * 1024 * 1024) / 400_000));
    const square = withInput(['length', 4], {
      nodes: [node('Transpose', ['x'], ['t']), node('MatMul', ['x', 't'], ['y'])],
      initializers: [],
    });
    const length = (await convertModel(square)).free.inputs.x![0]!.max;
    expect(length).toBe(Math.floor(Math.sqrt((0.95 * 64 * 1024 * 1024) / 4)));
    expect((await convertModel(square, { maxDims: { length: 9 } })).free.inputs.x![0]).toEqual({
      name: 'length',
      usual: 9,
      max: 9,
    });
  });

  it('that depend on each other are free together', async () => {
    const pair = model({
      nodes: [node('Add', ['a', 'b'], ['y'])],
      inputs: [value('a', [null, 4]), value('b', [null, 4])],
      outputs: [{ name: 'y' }],
    });
    const { free } = await convertModel(pair, { dims: { 'a.0': 3, 'b.0': 3 } });
    expect(free.inputs).toMatchObject({ a: [{ usual: 3 }, null], b: [{ usual: 3 }, null] });
    expect(free.inputs.a![0]).not.toHaveProperty('fixedBy');
  });

  it('that the graph fixes get that size, and the name of the node', async () => {
    const fixed = withInput(['batch', 'length', 4], {
      nodes: [
        { ...node('Reshape', ['x', 'two'], ['flat']), name: 'to_rows' },
        node('Gemm', ['flat', 'w'], ['g']),
        node('Relu', ['g'], ['y']),
      ],
      initializers: [floats('w', [64, 3]), ints('two', [0, -1])],
    });
    const { graph, free } = await convertModel(fixed);
    expect(free.inputs.x).toMatchObject([
      { name: 'batch', usual: 1 },
      { name: 'length', usual: 16, max: 16, fixedBy: expect.stringContaining('Gemm') },
      null,
    ]);
    expect(shapes(graph.path).x).toEqual(['batch', 16, 4]);
    const constant = withInput(['batch', 4], {
      nodes: [{ ...node('Reshape', ['x', 'shape'], ['y']), name: 'to_shape' }],
      initializers: [ints('shape', [1, 2, 2])],
    });
    const found = await convertModel(constant);
    expect(found.free.inputs.x![0]).toMatchObject({ usual: 1, fixedBy: 'Reshape "to_shape"' });
    expect(shapes(found.graph.path)).toMatchObject({ x: [1, 4], y: [1, 2, 2] });
  });

  it('are rejected with a shape of unknown rank, an unknown name, or an invalid size', async () => {
    const unknown = { name: 'x', type: { kind: 'tensor', dataType: DATA_TYPE.float32 } } as const;
    const rank = await rejection(convertModel(model({ ...smallModel().graph, inputs: [unknown] })));
    expect(rank).toBeInstanceOf(DynamicShapeError);
    expect(rank).toMatchObject({ code: 'DYNAMIC_SHAPE', input: 'x' });
    for (const values of [{ dims: { bacth: 1 } }, { maxDims: { bacth: 1 } }]) {
      expect((await rejection(convertModel(withInput(['batch', 4]), values))).hint).toContain('"batch"');
    }
    const free = withInput(['batch', 4]);
    expect((await rejection(convertModel(free, { dims: { batch: 0 } }))).hint).toContain('at least 1');
    expect((await rejection(convertModel(free, { shapes: { x: [2, 5] } }))).message).toContain(
      'cannot be [2, 5]',
    );
    const huge = await rejection(convertModel(free, { dims: { batch: 1_000_000_000 } }));
    expect(huge.code).toBe('TOO_LARGE');
  });

  it('with which the model does not run are rejected with the sizes that were tried', async () => {
    const impossible = withInput(['rows', 4], {
      nodes: [node('Gather', ['w', 'far'], ['g']), node('MatMul', ['x', 'g'], ['y'])],
      initializers: [floats('w', [5, 4]), ints('far', [4, 4, 4])],
    });
    const error = await rejection(convertModel(impossible));
    expect(error.message).toMatch(/MatMul|shape/);
  });
});

describe('the limit of several free dimensions together', () => {
  /** x [batch, length, 8] → scores [batch, length, length]. */
  const attention = (dims: readonly (string | number)[]) =>
    model({
      inputs: [value('x', dims)],
      nodes: [
        node('Transpose', ['x'], ['t'], [{ name: 'perm', kind: 'ints', value: [0n, 2n, 1n] }]),
        node('MatMul', ['x', 't'], ['scores']),
      ],
      outputs: [{ name: 'scores' }],
    });

  it('is the size of a frame, or of the largest tensor at the largest size of one of them', async () => {
    const { free } = await convertModel(attention(['batch', 'length', 8]));
    const { groups, tensors, mostBytes } = free.limit!;
    expect(groups).toEqual([['batch'], ['length']]);
    // The usual sizes are 1 and 16.
    expect(tensors.map(({ bytes, powers }) => [bytes, ...powers.map((power) => Math.round(power))])).toEqual(
      expect.arrayContaining([
        [4 * 16 * 8, 1, 1],
        [4 * 16 * 16, 1, 2],
      ]),
    );
    expect(tensors).toHaveLength(2);
    expect(mostBytes).toBeCloseTo(0.95 * 64 * 1024 * 1024, -4);
    const large = await convertModel(attention(['batch', 'length', 8]), { maxDims: { length: 8192 } });
    expect(large.free.limit!.mostBytes).toBeCloseTo(4 * 8192 ** 2, -1);
  });

  it('does not exist with one free dimension', async () => {
    expect((await convertModel(attention([1, 'length', 8]))).free.limit).toBeUndefined();
    expect((await convertModel(smallModel())).free.limit).toBeUndefined();
  });

  it('counts dimensions that only grow together once', async () => {
    const sum = model({
      inputs: [value('a', ['batch', 'left']), value('b', ['batch', 'right'])],
      nodes: [node('Add', ['a', 'b'], ['y'])],
      outputs: [{ name: 'y' }],
    });
    const { groups, tensors } = (await convertModel(sum)).free.limit!;
    expect(groups).toEqual([['batch'], ['left', 'right']]);
    expect(Math.max(...tensors.flatMap(({ powers }) => powers))).toBeCloseTo(1);
  });
});
