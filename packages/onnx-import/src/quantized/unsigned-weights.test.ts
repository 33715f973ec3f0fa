import { type ConstantTensor, constantsOf, DATA_TYPE, NO_EXTERNAL_DATA } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { expect, it } from 'vitest';
import { lowerQuantized } from './lower-quantized.ts';

function bytes(
  name: string,
  dataType: number,
  dims: readonly number[],
  values: readonly number[],
): ConstantTensor {
  return { name, dims, dataType, storage: { kind: 'raw', bytes: Uint8Array.from(values) } };
}

it('a convolution with int8 weights gets uint8 weights, which x86 multiplies with vector instructions', () => {
  const whole = model({
    inputs: [value('x', [1, 1, 2, 2], DATA_TYPE.uint8)],
    initializers: [
      floats('s', [], [0.1]),
      bytes('z', DATA_TYPE.uint8, [], [7]),
      bytes('w', DATA_TYPE.int8, [2, 1, 1, 1], [0x80, 5]),
      bytes('wz', DATA_TYPE.int8, [], [0xff]),
    ],
    nodes: [node('QLinearConv', ['x', 's', 'z', 'w', 's', 'wz', 's', 'z'], ['y'])],
    outputs: [value('y', [1, 2, 2, 2], DATA_TYPE.uint8)],
  });
  const { graph } = lowerQuantized({ model: whole, external: NO_EXTERNAL_DATA });
  const { inputs } = graph.nodes.find(({ opType }) => opType === 'ConvInteger')!;
  const constants = constantsOf(graph);
  const stored = (name: string) => {
    const { dataType, storage } = constants.get(name)!;
    return { dataType, values: [...(storage as { bytes: Uint8Array }).bytes] };
  };
  // −128 and 5 with the zero point −1.
  expect(stored(inputs[1]!)).toEqual({ dataType: DATA_TYPE.uint8, values: [0, 133] });
  expect(stored(inputs[3]!)).toEqual({ dataType: DATA_TYPE.uint8, values: [127] });
});
