import type { ComputeRequest, Tensor } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { canBatch, joinRows, largestBatch, splitRows } from './batch.ts';

const row = (...values: number[]): Tensor => ({
  type: 'float32',
  dims: [1, values.length],
  data: Float32Array.from(values),
});
const request = (overrides: Partial<ComputeRequest> = {}): ComputeRequest => ({
  kind: 'compute',
  request: 1,
  task: 3,
  tensors: [row(1, 2)],
  batch: true,
  ...overrides,
});

describe('a batch', () => {
  it('joins requests of one task, type and shape that allow it', () => {
    expect(canBatch(request(), request({ request: 2 }))).toBe(true);
    const { batch: _, ...alone } = request();
    expect(canBatch(request(), alone)).toBe(false);
    expect(canBatch(alone, request())).toBe(false);
    expect(canBatch(request(), request({ task: 4 }))).toBe(false);
    expect(canBatch(request(), request({ tensors: [row(1, 2, 3)] }))).toBe(false);
    expect(canBatch(request(), request({ tensors: [{ ...row(1, 2), dims: [2, 1] }] }))).toBe(false);
    expect(canBatch(request({ tensors: [row(1), row(1)] }), request({ tensors: [row(1), row(1)] }))).toBe(
      false,
    );
  });

  it('divides what it joined', () => {
    const parts = [row(1, 2, 3), row(4, 5, 6), row(7, 8, 9)];
    const joined = joinRows(parts);
    expect(joined).toEqual({ ...row(1, 2, 3, 4, 5, 6, 7, 8, 9), dims: [3, 3] });
    expect(splitRows(joined, 3)).toEqual(parts);
    expect(() => splitRows(joined, 2)).toThrow('not 2 equal parts');
    expect(() => splitRows({ ...row(), dims: [] }, 2)).toThrow('not 2 equal parts');
  });

  it('is limited by the size of a frame', () => {
    expect(largestBatch(row(1))).toBe(8);
    expect(largestBatch({ type: 'float32', dims: [1, 5e6], data: new Float32Array(5e6) })).toBe(3);
    expect(largestBatch({ type: 'float32', dims: [1, 2e7], data: new Float32Array(2e7) })).toBe(1);
  });
});
