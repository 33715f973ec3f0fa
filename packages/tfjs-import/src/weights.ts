import { ModelRejectedError } from '@sparewheel/onnx';
import { incomplete, unsupported } from './errors.ts';
import type { WeightGroup, WeightSpec } from './model-json.ts';
import type { TensorType } from './tensors/value.ts';

/** The weight files of a model, by the path in model.json. */
export interface WeightFiles {
  /** Returns the bytes of a file; undefined if it is missing. */
  size(path: string): number | undefined;
  read(path: string, offset: number, length: number): Uint8Array;
}

/** A weight of the model. */
export interface Weight {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: TensorType;
  /** Bytes after the expansion: float32, int32, or one byte for a bool. */
  readonly byteLength: number;
  /** Reads and expands the weight again with each call. */
  read(): Uint8Array;
}

/** The limit of the product for one model. Quantized weights count with their expanded size. */
const MAX_EXPANDED_BYTES = 2 ** 31 - 1;

const STORED_BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  bool: 1,
  uint8: 1,
  uint16: 2,
  float16: 2,
};

/**
 * Reads the table of weights, and compares the sizes of the files with it. Does not read the weights.
 * @throws {ModelRejectedError} a file is missing or has the wrong size, a data type is unknown, or the
 *   expanded weights are too large
 */
export function weightTable(groups: readonly WeightGroup[], files: WeightFiles): Map<string, Weight> {
  const table = new Map<string, Weight>();
  let expandedBytes = 0;
  for (const { paths, weights } of groups) {
    const shards = paths.map((path) => {
      const size = files.size(path);
      if (size === undefined) throw incomplete(`the weight file "${path}" is missing`);
      return { path, size };
    });
    let offset = 0;
    for (const spec of weights) {
      const { type, storedBytes, count } = layout(spec);
      const byteLength = count * (type === 'bool' ? 1 : 4);
      const start = offset;
      offset += storedBytes;
      if (spec.group === 'optimizer') continue;
      if (table.has(spec.name)) throw incomplete(`the weight "${spec.name}" is listed twice`);
      expandedBytes += byteLength;
      table.set(spec.name, {
        name: spec.name,
        dims: spec.shape,
        type,
        byteLength,
        read: () => expand(spec, readRange(shards, files, start, storedBytes), count),
      });
    }
    const present = shards.reduce((sum, { size }) => sum + size, 0);
    if (present !== offset) {
      const which =
        paths.length === 1 ? `"${paths[0]}" has` : `"${paths[0] ?? ''}" and the files after it have`;
      throw incomplete(`the weight file ${which} ${present} bytes, but model.json describes ${offset}`);
    }
  }
  if (expandedBytes > MAX_EXPANDED_BYTES) {
    throw new ModelRejectedError(
      'TOO_LARGE',
      `the weights have ${expandedBytes} bytes after their expansion to float32; the limit is ${MAX_EXPANDED_BYTES}`,
    );
  }
  return table;
}

function layout(spec: WeightSpec): { type: TensorType; storedBytes: number; count: number } {
  const { dtype, quantization } = spec;
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    throw unsupported(`the data type "${dtype.slice(0, 40)}" of the weight "${spec.name}"`);
  }
  const stored = quantization?.dtype ?? dtype;
  const bytes = STORED_BYTES[stored];
  const allowed = quantization
    ? stored === 'float16'
      ? dtype === 'float32'
      : (stored === 'uint8' || stored === 'uint16') && dtype !== 'bool'
    : true;
  if (bytes === undefined || !allowed) {
    throw unsupported(`the quantization "${stored.slice(0, 40)}" of the ${dtype} weight "${spec.name}"`);
  }
  if (quantization && stored !== 'float16' && quantization.scale === undefined) {
    throw incomplete(`the quantization of the weight "${spec.name}" has no scale`);
  }
  const count = spec.shape.reduce((product, dim) => product * dim, 1);
  if (!Number.isSafeInteger(count * 4)) {
    throw incomplete(`the weight "${spec.name}" is too large: its shape is [${spec.shape.join(', ')}]`);
  }
  return { type: dtype, storedBytes: count * bytes, count };
}

/** Reads a range of consecutive files. */
function readRange(
  shards: readonly { path: string; size: number }[],
  files: WeightFiles,
  offset: number,
  length: number,
): Uint8Array {
  const whole = new Uint8Array(length);
  let start = 0;
  for (const { path, size } of shards) {
    const from = Math.max(offset, start);
    const to = Math.min(offset + length, start + size);
    if (from < to) whole.set(files.read(path, from - start, to - from), from - offset);
    start += size;
  }
  return whole;
}

/** Expands stored elements as TensorFlow.js does, in the same arithmetic. */
function expand(spec: WeightSpec, bytes: Uint8Array, count: number): Uint8Array {
  const { quantization } = spec;
  if (!quantization) return bytes;
  if (quantization.dtype === 'float16') return float32FromFloat16(bytes, count);
  const stored = quantization.dtype === 'uint8' ? bytes : new Uint16Array(bytes.buffer, 0, count);
  const { scale = 1, min = 0 } = quantization;
  const values = spec.dtype === 'int32' ? new Int32Array(count) : new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const value = stored[i]! * scale + min;
    values[i] = spec.dtype === 'int32' ? Math.round(value) : value;
  }
  return new Uint8Array(values.buffer);
}

function float32FromFloat16(bytes: Uint8Array, count: number): Uint8Array {
  const halves = new Uint16Array(bytes.buffer, 0, count);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const half = halves[i]!;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const magnitude =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction === 0
            ? Number.POSITIVE_INFINITY
            : Number.NaN
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    values[i] = half & 0x8000 ? -magnitude : magnitude;
  }
  return new Uint8Array(values.buffer);
}
