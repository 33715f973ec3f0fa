/** Random messages for property tests. */
import fc from 'fast-check';
import { LIMITS } from '../limits.ts';
import {
  BYTES_PER_ELEMENT,
  ELEMENT_TYPES,
  type ElementType,
  elementCount,
  type Tensor,
  viewTensorData,
} from '../tensor.ts';
import type { FromDevice, ToDevice } from '../wire.ts';

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });

/** Any element type, ranks 0 to 5, empty tensors, any bit pattern (NaN and infinities). */
export const arbitraryTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...ELEMENT_TYPES), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 5 }))
  .chain(([type, dims]) => {
    const size = elementCount(dims) * BYTES_PER_ELEMENT[type];
    return fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => tensorOf(type, dims, bytes));
  });

function tensorOf(type: ElementType, dims: readonly number[], bytes: Uint8Array): Tensor {
  const elements = type === 'bool' ? bytes.map((byte) => byte & 1) : bytes;
  return { type, dims, data: viewTensorData(type, elements) };
}

export const arbitraryMessage: fc.Arbitrary<ToDevice | FromDevice> = fc.oneof(
  fc.record({
    kind: fc.constant('compute' as const),
    request: uint32,
    task: uint32,
    tensors: fc.array(arbitraryTensor, { maxLength: 6 }),
  }),
  fc.record({
    kind: fc.constant('compute' as const),
    request: uint32,
    task: uint32,
    tensors: fc.array(arbitraryTensor, { maxLength: 6 }),
    batch: fc.constant(true as const),
  }),
  fc.record({ kind: fc.constant('cancel' as const), request: uint32, task: uint32 }),
  fc.record({
    kind: fc.constant('answer' as const),
    request: uint32,
    task: uint32,
    computeMicros: uint32,
    tensors: fc.array(arbitraryTensor, { maxLength: 6 }),
  }),
  fc.record({
    kind: fc.constant('refusal' as const),
    request: uint32,
    task: uint32,
    code: fc.constantFrom('unknown-task', 'overloaded', ''),
    message: fc.string({ unit: 'grapheme', maxLength: 100 }),
  }),
);

export const arbitraryChunk = fc
  .record({
    sha256: fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((digest) => Buffer.from(digest).toString('hex')),
    offset: fc.integer({ min: 0, max: 2 ** 30 }),
    data: fc.uint8Array({ maxLength: 300 }),
    rest: fc.integer({ min: 0, max: LIMITS.modelBytes - 2 ** 30 - 300 }),
  })
  .map(({ sha256, offset, data, rest }) => ({
    sha256,
    offset,
    data,
    bytes: offset + data.byteLength + rest,
  }));
