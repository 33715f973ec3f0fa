import type { FreeDimension, SizeLimit, Tensor, TensorSpec } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import type { InvalidFeedsError } from '../errors.ts';
import type { Program } from '../requests/program.ts';
import { checkFeeds } from './validate.ts';

const batch: FreeDimension = { name: 'batch', usual: 1, max: 4 };

function problem(spec: Omit<TensorSpec, 'name' | 'type'>, dims: readonly number[]): string | null {
  const inputs = [{ spec: { name: 'x', type: 'float32', ...spec } as const, slot: 0 }];
  const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
  const x: Tensor = { type: 'float32', dims, data };
  try {
    checkFeeds({ plan: {}, inputs, outputs: [] } as unknown as Program, { x }, undefined);
    return null;
  } catch (error) {
    return (error as InvalidFeedsError).problem;
  }
}

describe('a free dimension', () => {
  it('accepts every size up to its limit, and refuses more in one sentence', () => {
    const spec = { dims: [-1, 2], free: [batch, null] };
    for (const size of [1, 2, 4]) expect(problem(spec, [size, 2])).toBeNull();
    expect(problem(spec, [5, 2])).toBe(
      'has the size 5 in its dimension batch; the most is 4, and maxDims sets it at upload',
    );
    expect(problem(spec, [0, 2])).toBe('is empty in its dimension batch');
    expect(problem(spec, [5, 3])).toContain('has shape [5, 3]; expected [any, 2]');
  });

  it('without a known limit accepts every size', () => {
    expect(problem({ dims: [-1, 2] }, [500, 2])).toBeNull();
  });

  it('that the graph fixes refuses other sizes with the name of the node', () => {
    const fixedBy = 'Reshape "to_rows"';
    const spec = { dims: [1, 2], free: [{ ...batch, max: 1, fixedBy }, null] };
    expect(problem(spec, [1, 2])).toBeNull();
    expect(problem(spec, [3, 2])).toBe(
      'has shape [3, 2]; expected [1, 2], because Reshape "to_rows" accepts only 1 in the dimension batch',
    );
  });
});

describe('several free dimensions', () => {
  /** Attention: activations grow with batch × length, scores with batch × length². */
  const sizeLimit: SizeLimit = {
    groups: [['batch'], ['length', 'mask_length']],
    tensors: [
      { bytes: 1000, powers: [1, 1] },
      { bytes: 10, powers: [1, 2] },
    ],
    mostBytes: 64_000_000,
  };
  const length: FreeDimension = { name: 'length', usual: 10, max: 20_000 };
  const inputs = [
    { spec: { name: 'x', type: 'uint8', dims: [-1, -1], free: [{ ...batch, max: 10_000 }, length] } },
    { spec: { name: 'mask', type: 'bool', dims: [-1], free: [{ ...length, name: 'mask_length' }] } },
  ];
  const problemOf = (rows: number, steps: number) => {
    const x: Tensor = { type: 'uint8', dims: [rows, steps], data: new Uint8Array(rows * steps) };
    const mask: Tensor = { type: 'bool', dims: [steps], data: new Uint8Array(steps) };
    try {
      checkFeeds({ plan: { sizeLimit }, inputs, outputs: [] } as unknown as Program, { x, mask }, undefined);
      return null;
    } catch (error) {
      return (error as InvalidFeedsError).message;
    }
  };

  it('are bounded together, by the predicted size of the largest tensor', () => {
    expect(problemOf(1, 20_000)).toBeNull();
    expect(problemOf(1600, 400)).toBeNull();
    expect(problemOf(2, 20_000)).toBe(
      'tensor "x": has sizes that are too large together: with batch 2, length 20000, mask_length 20000, a tensor of the model has about 80 MB; the most is 64 MB',
    );
    expect(problemOf(2000, 400)).toContain('a tensor of the model has about 80 MB');
  });
});
