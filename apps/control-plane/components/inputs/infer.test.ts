import { expect, test } from 'vitest';
import { decodeAnswer, encodeRequest, floatsOf } from './infer.ts';

/** An answer as the data plane sends it. */
function answer(header: unknown, ...tensors: readonly ArrayBufferView[]) {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const parts = tensors.map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  );
  const bytes = new Uint8Array([...json, ...parts.flatMap((part) => [...part])]);
  return { bytes: bytes.buffer, length: json.length };
}

test('writes a JSON header, then the bytes of each input', async () => {
  const { body, headerLength } = encodeRequest(
    [
      { name: 'x', dims: [1, 2], data: Float32Array.of(1, -2) },
      { name: 'n', dims: [1], data: BigInt64Array.of(5n) },
    ],
    ['y'],
  );
  const bytes = await body.arrayBuffer();
  expect(JSON.parse(new TextDecoder().decode(bytes.slice(0, headerLength)))).toEqual({
    inputs: [
      { name: 'x', shape: [1, 2], datatype: 'FP32', parameters: { binary_data_size: 8 } },
      { name: 'n', shape: [1], datatype: 'INT64', parameters: { binary_data_size: 8 } },
    ],
    outputs: [{ name: 'y', parameters: { binary_data: true } }],
  });
  expect(new Float32Array(bytes.slice(headerLength, headerLength + 8))).toEqual(Float32Array.of(1, -2));
  expect(bytes.byteLength).toBe(headerLength + 16);
});

test('reads outputs at any alignment, and what was recovered', () => {
  const { bytes, length } = answer(
    {
      outputs: [
        { name: 'y', datatype: 'FP32', parameters: { binary_data_size: 8 } },
        { name: 'i', datatype: 'INT64', parameters: { binary_data_size: 8 } },
      ],
      parameters: { recovered: 2, rescued: 1, latency_ms: 3.5 },
    },
    Float32Array.of(0.5, 4),
    BigInt64Array.of(-7n),
  );
  const read = decodeAnswer(bytes, length);
  expect(read).toMatchObject({ recovered: 2, rescued: 1, latencyMs: 3.5 });
  expect(floatsOf(read, 'y')).toEqual(Float32Array.of(0.5, 4));
  expect(read.outputs.get('i')).toEqual(BigInt64Array.of(-7n));
  expect(() => floatsOf(read, 'i')).toThrow('"i"');
});

test('reads an answer without tensors', () => {
  const { bytes } = answer({ outputs: [] });
  expect(decodeAnswer(bytes, null)).toEqual({
    outputs: new Map(),
    latencyMs: null,
    recovered: 0,
    rescued: 0,
  });
});
