import { expect, test } from 'vitest';
import { uninitializedFloats } from './memory.ts';

test.each([0, 1, 4095, 4096, 100_000])('gives %i writable values in a buffer of their own', (length) => {
  const first = uninitializedFloats(length);
  const second = uninitializedFloats(length);
  expect(first).toHaveLength(length);
  expect(first.byteOffset).toBe(0);
  expect(first.buffer.byteLength).toBe(4 * length);
  first.fill(1);
  second.fill(2);
  expect(first.every((value) => value === 1)).toBe(true);
});
