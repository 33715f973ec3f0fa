import type { Weight } from '../weights.ts';
import { MAX_ELEMENTS, product, type Value } from './value.ts';

/** Returns a weight as a tensor. The elements of small integer weights are known. */
export function weightValue(weight: Weight): Value {
  const { type, dims, byteLength } = weight;
  const small = type !== 'float32' && product(dims) <= MAX_ELEMENTS;
  const bytes = small ? weight.read().slice() : undefined;
  const elements = bytes && [...(type === 'bool' ? bytes : new Int32Array(bytes.buffer))];
  return { type, dims, elements, constant: { byteLength, read: () => weight.read() }, names: {} };
}
