import { LIMITS } from './limits.ts';
import { bytesOf, elementCount, type Tensor, viewTensorData } from './tensor.ts';
import type { ComputeRequest } from './wire.ts';

/** Requests that may be computed together. More rows cost more compute time than the saved reads of weights. */
const BATCH_REQUESTS = 8;

/** Returns whether two requests may be computed together: both allow it, for the same task, with equal shapes. */
export function canBatch(a: ComputeRequest, b: ComputeRequest): boolean {
  if (!a.batch || !b.batch || a.task !== b.task || a.tensors.length !== 1 || b.tensors.length !== 1)
    return false;
  const [{ type, dims }] = a.tensors as [Tensor];
  const other = b.tensors[0]!;
  return (
    type === other.type && dims.length === other.dims.length && dims.every((dim, i) => dim === other.dims[i])
  );
}

/** Returns how many requests with this tensor may be computed together. */
export function largestBatch({ data }: Tensor): number {
  const fitting = Math.floor(LIMITS.frameBytes / Math.max(1, data.byteLength));
  return Math.max(1, Math.min(BATCH_REQUESTS, fitting));
}

/** Concatenates tensors of one shape along axis 0. */
export function joinRows(tensors: readonly Tensor[]): Tensor {
  const [{ type, dims, data }] = tensors as [Tensor];
  const joined = new Uint8Array(tensors.length * data.byteLength);
  for (const [index, tensor] of tensors.entries()) joined.set(bytesOf(tensor.data), index * data.byteLength);
  return { type, dims: [tensors.length * dims[0]!, ...dims.slice(1)], data: viewTensorData(type, joined) };
}

/**
 * Divides a tensor along axis 0 into equal parts, which are views of it.
 * @throws {RangeError} the rows cannot be divided equally
 */
export function splitRows({ type, dims, data }: Tensor, count: number): Tensor[] {
  const rows = (dims[0] ?? 0) / count;
  if (!Number.isInteger(rows) || rows < 1) {
    throw new RangeError(`an output of shape [${dims.join(', ')}] is not ${count} equal parts`);
  }
  const part = [rows, ...dims.slice(1)];
  const length = elementCount(part);
  return Array.from({ length: count }, (_, index) => ({
    type,
    dims: part,
    data: data.subarray(index * length, (index + 1) * length) as typeof data,
  }));
}
