import { io, tensor } from '@tensorflow/tfjs-core';
import { describe, expect, it, test } from 'vitest';
import type { WeightSpec } from './model-json.ts';
import { randomNumbers, weightFiles } from './testing/compare.ts';
import { weightTable } from './weights.ts';

const SEED = 20_261_130;
const spec = (change: Partial<WeightSpec> = {}): WeightSpec => ({
  name: 'w',
  shape: [2, 3],
  dtype: 'float32',
  ...change,
});
const table = (weights: WeightSpec[], bytes: Uint8Array, paths = ['a.bin']) =>
  weightTable([{ paths, weights }], weightFiles({ 'a.bin': bytes }));

describe('the table of weights', () => {
  test.each([
    ['uint8', 'float32', 1],
    ['uint16', 'float32', 2],
    ['uint8', 'int32', 1],
    ['float16', 'float32', 2],
  ] as const)('expands %s to %s as TensorFlow.js does', async (stored, dtype, size) => {
    const next = randomNumbers(SEED);
    const shape = [65_536 / size];
    // Every pattern of 16 bits, and random ones of 8 bits.
    const bytes =
      size === 2
        ? new Uint8Array(Uint16Array.from({ length: shape[0]! }, (_, i) => i * 2).buffer)
        : Uint8Array.from({ length: shape[0]! }, () => next() * 256);
    const quantization =
      stored === 'float16' ? { dtype: stored } : { dtype: stored, scale: 0.0173, min: -1.234 };
    const entry = spec({ shape, dtype, quantization });
    const expected = io.decodeWeights(Uint8Array.from(bytes).buffer, [entry as io.WeightsManifestEntry]).w!;
    const { buffer } = table([entry], bytes).get('w')!.read().slice();
    const values = dtype === 'int32' ? new Int32Array(buffer) : new Float32Array(buffer);
    expect([...values]).toEqual([...(await expected.data())]);
  });

  it('reads a weight that lies in several files', () => {
    const bytes = Uint8Array.from({ length: 24 }, (_, i) => i);
    const files = weightFiles({ a: bytes.subarray(0, 5), b: bytes.subarray(5, 6), c: bytes.subarray(6) });
    const weights = weightTable(
      [{ paths: ['a', 'b', 'c'], weights: [spec({ name: 'v', shape: [1] }), spec({ shape: [5] })] }],
      files,
    );
    expect([...weights.get('v')!.read()]).toEqual([0, 1, 2, 3]);
    expect([...weights.get('w')!.read()]).toEqual([...bytes.subarray(4)]);
  });

  it('skips the state of an optimizer', () => {
    const weights = table([spec({ group: 'optimizer' }), spec()], new Uint8Array(48));
    expect(weights.get('w')!.read()).toHaveLength(24);
  });

  const cases: [string, () => unknown, string | RegExp][] = [
    [
      'a missing file',
      () => table([spec()], new Uint8Array(24), ['gone.bin']),
      'the weight file "gone.bin" is missing',
    ],
    [
      'too few bytes',
      () => table([spec()], new Uint8Array(23)),
      'the weight file "a.bin" has 23 bytes, but model.json describes 24',
    ],
    [
      'too many bytes',
      () => table([spec()], new Uint8Array(25)),
      'has 25 bytes, but model.json describes 24',
    ],
    [
      'an unknown data type',
      () => table([spec({ dtype: 'string' })], new Uint8Array(24)),
      'the data type "string" of the weight "w" is not supported',
    ],
    [
      'an unknown quantization',
      () => table([spec({ quantization: { dtype: 'int4' } })], new Uint8Array(24)),
      'the quantization "int4" of the float32 weight "w"',
    ],
    [
      'float16 for integers',
      () => table([spec({ dtype: 'int32', quantization: { dtype: 'float16' } })], new Uint8Array(24)),
      'the quantization "float16" of the int32 weight "w"',
    ],
    [
      'no scale',
      () => table([spec({ quantization: { dtype: 'uint8' } })], new Uint8Array(6)),
      'the quantization of the weight "w" has no scale',
    ],
    ['a weight twice', () => table([spec(), spec()], new Uint8Array(48)), 'the weight "w" is listed twice'],
    [
      'a huge shape',
      () => table([spec({ shape: [2 ** 31, 2 ** 31, 2 ** 31] })], new Uint8Array(24)),
      /too large/,
    ],
    [
      'more bytes than a model may have',
      () =>
        weightTable(
          [
            {
              paths: ['a'],
              weights: [spec({ shape: [2 ** 30], quantization: { dtype: 'uint8', scale: 1, min: 0 } })],
            },
          ],
          { size: () => 2 ** 30, read: () => new Uint8Array() },
        ),
      /the limit is 2147483647/,
    ],
  ];
  test.each(cases)('rejects %s in one sentence', (_what, read, message) => {
    expect(read).toThrow(message);
  });

  it('uses the package that it is compared with', () => {
    expect(tensor([1]).dtype).toBe('float32');
  });
});
