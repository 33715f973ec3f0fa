import { describe, expect, it } from 'vitest';
import { largestOutput } from './largest-output.ts';
import { analyzeLinear, constantsOf, isCodable, shapesOf } from './linear.ts';
import { type ConstantTensor, DATA_TYPE, type Node } from './model.ts';
import { model, node, value } from './testing/small-model.ts';

function bytes(
  name: string,
  type: 'int8' | 'uint8',
  dims: readonly number[],
  values: readonly number[],
): ConstantTensor {
  const data = type === 'int8' ? Int8Array.from(values) : Uint8Array.from(values);
  const storage = { kind: 'raw', bytes: new Uint8Array(data.buffer) } as const;
  return { name, dims, dataType: DATA_TYPE[type], storage };
}

function largest(
  input: readonly number[],
  output: readonly number[],
  constants: ConstantTensor[],
  layer: Node,
) {
  const whole = model({
    inputs: [value('x', input, DATA_TYPE.uint8)],
    initializers: constants,
    nodes: [layer],
    outputs: [value('y', output, DATA_TYPE.int32)],
  });
  const { graph } = whole;
  const analysis = analyzeLinear(graph, 0, constantsOf(graph), shapesOf(graph));
  if (!isCodable(analysis)) throw new Error('the layer is not codable');
  return largestOutput({ model: whole, external: { read: () => new Uint8Array() } as never }, analysis);
}

describe('the largest output of a layer with integer weights', () => {
  it('is 255 × the largest column of weights on the right', () => {
    const weights = bytes('w', 'int8', [3, 2], [1, -5, -2, 6, 3, 0]);
    expect(largest([1, 3], [1, 2], [weights], node('MatMulInteger', ['x', 'w'], ['y']))).toBe(255 * 11);
  });

  it('is 255 × the largest row of weights on the left', () => {
    const weights = bytes('w', 'int8', [2, 3], [1, -5, -2, 6, 3, 0]);
    expect(largest([3, 1], [2, 1], [weights], node('MatMulInteger', ['w', 'x'], ['y']))).toBe(255 * 9);
  });

  it('counts from the zero point of each column', () => {
    const weights = bytes('w', 'uint8', [2, 2], [10, 20, 12, 0]);
    const zero = bytes('z', 'uint8', [2], [10, 4]);
    const layer = node('MatMulInteger', ['x', 'w', '', 'z'], ['y']);
    expect(largest([1, 2], [1, 2], [weights, zero], layer)).toBe(255 * (16 + 4));
  });

  it('is 255 × the largest filter of a convolution with groups', () => {
    const filters = bytes('w', 'int8', [4, 1, 1, 2], [1, 2, 3, 4, 5, -60, 7, 8]);
    const attributes = [{ name: 'group', kind: 'int', value: 2n } as const];
    const layer = node('ConvInteger', ['x', 'w'], ['y'], attributes);
    expect(largest([1, 2, 1, 4], [1, 4, 1, 3], [filters], layer)).toBe(255 * 65);
  });
});
