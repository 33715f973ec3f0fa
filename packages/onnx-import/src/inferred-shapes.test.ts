import { DATA_TYPE } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { expect, it } from 'vitest';
import { importFolder, readCanonical } from './testing/import-folder.ts';

const { convertModel } = importFolder();

const shapesOf = (path: string) => {
  const { graph } = readCanonical(path);
  return Object.fromEntries(
    [...graph.valueInfos, ...graph.outputs].map(({ name, type }) => [
      name,
      type?.kind === 'tensor' ? type.dims : null,
    ]),
  );
};

it('leaves a dimension open that a mask decides, although both trials agree on it', async () => {
  const { graph, free } = await convertModel(
    model({
      inputs: [value('x', [6, 2]), value('keep', [6], DATA_TYPE.bool)],
      nodes: [
        node('Compress', ['x', 'keep'], ['kept'], [{ name: 'axis', kind: 'int', value: 0n }]),
        node('Exp', ['kept'], ['y']),
      ],
      outputs: [value('y', [null, 2])],
    }),
  );
  expect(shapesOf(graph.path)).toEqual({ kept: [null, 2], y: [null, 2] });
  // The trial selected no row. A cost of nothing would be wrong for all other inputs.
  expect(free).toEqual({ inputs: {}, usual: { kept: [1, 2], y: [1, 2] } });
});

it('leaves a dimension open that a threshold decides, which no trial reaches', async () => {
  const { graph } = await convertModel(
    model({
      inputs: [value('x', [8])],
      initializers: [floats('limit', [], [5])],
      nodes: [node('Greater', ['x', 'limit'], ['over']), node('NonZero', ['over'], ['y'])],
      outputs: [value('y', [1, null], DATA_TYPE.int64)],
    }),
  );
  expect(shapesOf(graph.path)).toEqual({ over: [8], y: [1, null] });
});

it('fixes every shape that follows from the graph', async () => {
  const { graph, free } = await convertModel(
    model({
      inputs: [value('x', [2, 3])],
      initializers: [floats('w', [3, 4])],
      nodes: [node('MatMul', ['x', 'w'], ['h']), node('Relu', ['h'], ['y'])],
      outputs: [value('y', [2, 4])],
    }),
  );
  expect(shapesOf(graph.path)).toEqual({ h: [2, 4], y: [2, 4] });
  expect(free).toEqual({ inputs: {}, usual: {} });
});
