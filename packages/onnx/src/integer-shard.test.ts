import { integerGenerator, partitionRows } from '@sparewheel/cdc';
import { expect, it } from 'vitest';
import { IntegerConstants } from './integer-shard.ts';
import { analyzeLinear, constantsOf, isCodable, shapesOf } from './linear.ts';
import { DATA_TYPE } from './model.ts';
import { NO_EXTERNAL_DATA } from './tensor-data.ts';
import { model, node, value } from './testing/small-model.ts';

it('the parity of a convolution has uint8 planes, which x86 multiplies with vector instructions', () => {
  const bytes = Uint8Array.from([200, 50, 0, 130]);
  const whole = model({
    inputs: [value('x', [1, 1, 2, 2], DATA_TYPE.uint8)],
    initializers: [
      { name: 'w', dims: [4, 1, 1, 1], dataType: DATA_TYPE.uint8, storage: { kind: 'raw', bytes } },
      {
        name: 'z',
        dims: [],
        dataType: DATA_TYPE.uint8,
        storage: { kind: 'raw', bytes: Uint8Array.of(128) },
      },
    ],
    nodes: [node('ConvInteger', ['x', 'w', '', 'z'], ['y'])],
    outputs: [value('y', [1, 4, 2, 2], DATA_TYPE.int32)],
  });
  const { graph } = whole;
  const layer = analyzeLinear(graph, 0, constantsOf(graph), shapesOf(graph));
  if (!isCodable(layer)) throw new Error('the layer is not codable');
  const constants = new IntegerConstants({ model: whole, external: NO_EXTERNAL_DATA }, layer);
  const { nodes, initializers } = constants.core(partitionRows(4, 2), integerGenerator(2, 1), 2, 2, 'p');
  const stored = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  const byteOf = (name: string, at: number) =>
    (stored.get(name)!.storage as { bytes: Uint8Array }).bytes[at]!;
  const products = nodes.filter(({ opType }) => opType === 'ConvInteger');
  expect(products.map(({ inputs }) => stored.get(inputs[1]!)!.dataType)).toEqual([
    DATA_TYPE.uint8,
    DATA_TYPE.uint8,
  ]);
  const sums = [0, 1].map((row) =>
    products.reduce(
      (sum, { inputs }, plane) => sum + 256 ** plane * (byteOf(inputs[1]!, row) - byteOf(inputs[3]!, 0)),
      0,
    ),
  );
  expect(sums).toEqual([200 - 128 + (0 - 128), 50 - 128 + (130 - 128)]);
});
