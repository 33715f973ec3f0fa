/** Tensor data as JSON: flat or nested arrays of numbers, booleans or strings in row-major order. */
import {
  ApiError,
  elementCount,
  encodeStrings,
  float16Bits,
  float16Value,
  type Tensor,
  type TensorData,
  type TensorType,
} from '@sparewheel/protocol';

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
} as const;

/** Smallest and largest value per integer type. */
const RANGES: Readonly<Partial<Record<TensorType, readonly [number, number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
  uint16: [0, 65_535],
  int32: [-2_147_483_648, 2_147_483_647],
  uint32: [0, 4_294_967_295],
};

/**
 * Reads tensor data from JSON.
 * @param name  the name of the tensor, for messages
 * @param data  a flat array, or arrays nested exactly like `dims`
 * @throws {ApiError} 400: wrong length or nesting, an element of another type, NaN or infinity
 */
export function tensorDataFromJson(
  name: string,
  type: TensorType,
  dims: readonly number[],
  data: unknown,
): TensorData {
  // A scalar is the number itself, or an array of one element.
  if (dims.length === 0 && !Array.isArray(data)) return elements(name, type, [data]);
  if (!Array.isArray(data)) {
    throw new ApiError(400, 'wrong-data', `the data of '${name}' is not an array`);
  }
  const count = elementCount(dims);
  const flat = data.length > 0 && Array.isArray(data[0]) ? flatten(name, dims, data) : data;
  if (flat.length !== count) {
    throw new ApiError(
      400,
      'wrong-length',
      `'${name}' has ${flat.length} elements, but its shape [${dims.join(', ')}] needs ${count}`,
    );
  }
  return elements(name, type, flat);
}

function flatten(name: string, dims: readonly number[], data: readonly unknown[]): readonly unknown[] {
  const flat: unknown[] = [];
  const descend = (value: unknown, axis: number): void => {
    if (axis === dims.length) {
      flat.push(value);
      return;
    }
    if (!Array.isArray(value) || value.length !== dims[axis]) {
      throw new ApiError(
        400,
        'wrong-shape',
        `the nested data of '${name}' does not have the shape [${dims.join(', ')}] at axis ${axis}`,
        'Nest the arrays exactly like the shape, or send one flat array in row-major order.',
      );
    }
    for (const part of value) descend(part, axis + 1);
  };
  descend(data, 0);
  return flat;
}

function elements(name: string, type: TensorType, flat: readonly unknown[]): TensorData {
  if (type === 'bool') return Uint8Array.from(flat, (value, at) => booleanElement(name, value, at));
  if (type === 'int64') return BigInt64Array.from(flat, (value, at) => bigElement(name, type, value, at));
  if (type === 'uint64') return BigUint64Array.from(flat, (value, at) => bigElement(name, type, value, at));
  if (type === 'string') return encodeStrings(flat.map((value, at) => stringElement(name, value, at)));
  if (type === 'float16') return Uint16Array.from(flat, (value, at) => halfElement(name, value, at));
  const range = RANGES[type];
  const result = new ARRAYS[type](flat.length);
  if (range !== undefined) {
    for (let at = 0; at < flat.length; at++) result[at] = integerElement(name, type, range, flat[at], at);
    return result;
  }
  for (let at = 0; at < flat.length; at++) {
    const value = flat[at];
    if (typeof value !== 'number') throw wrongElement(name, at, value, 'a number');
    result[at] = value;
    // Checked after the assignment: 1e39 is finite in JSON but infinite as FP32.
    if (!Number.isFinite(result[at])) throw notFinite(name, type, at);
  }
  return result;
}

function stringElement(name: string, value: unknown, at: number): string {
  if (typeof value !== 'string') throw wrongElement(name, at, value, 'a string');
  if (!value.includes('\0')) return value;
  throw new ApiError(400, 'wrong-value', `element ${at} of '${name}' contains the character U+0000`);
}

function halfElement(name: string, value: unknown, at: number): number {
  if (typeof value !== 'number') throw wrongElement(name, at, value, 'a number');
  const bits = float16Bits(value);
  if (!Number.isFinite(float16Value(bits))) throw notFinite(name, 'float16', at);
  return bits;
}

function notFinite(name: string, type: TensorType, at: number): ApiError {
  return new ApiError(400, 'not-finite', `element ${at} of '${name}' is NaN or infinite as ${type}`);
}

function integerElement(
  name: string,
  type: TensorType,
  [low, high]: readonly [number, number],
  value: unknown,
  at: number,
): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > high) {
    throw wrongElement(name, at, value, `an integer from ${low} to ${high} (${type})`);
  }
  return value;
}

/** Accepts bigint (from gRPC), and numbers that JSON represents exactly. */
function bigElement(name: string, type: 'int64' | 'uint64', value: unknown, at: number): bigint {
  const low = type === 'int64' ? Number.MIN_SAFE_INTEGER : 0;
  const exact = Number.isSafeInteger(value) ? BigInt(value as number) : value;
  const wrapped = type === 'int64' ? BigInt.asIntN : BigInt.asUintN;
  if (typeof exact === 'bigint' && wrapped(64, exact) === exact) return exact;
  const range = `an integer from ${low} to ${Number.MAX_SAFE_INTEGER} (${type}; larger ones only in binary)`;
  throw wrongElement(name, at, value, range);
}

function booleanElement(name: string, value: unknown, at: number): number {
  if (value === true || value === 1) return 1;
  if (value === false || value === 0) return 0;
  throw wrongElement(name, at, value, 'true or false');
}

function wrongElement(name: string, at: number, value: unknown, expected: string): ApiError {
  const shown =
    (typeof value === 'bigint' ? String(value) : JSON.stringify(value))?.slice(0, 40) ?? 'undefined';
  return new ApiError(400, 'wrong-value', `element ${at} of '${name}' is ${shown}, expected ${expected}`);
}

/**
 * Writes tensor data as a flat JSON array. 64-bit integers keep all digits.
 * @param tensor  has only finite elements, because JSON has no NaN
 */
export function tensorDataToJson(tensor: Tensor): string {
  if (tensor.type === 'bool') {
    return `[${Array.from(tensor.data as Uint8Array, (value) => (value === 0 ? 'false' : 'true')).join(',')}]`;
  }
  if (tensor.type === 'float16') return `[${Array.from(tensor.data as Uint16Array, float16Value).join(',')}]`;
  return `[${tensor.data.join(',')}]`;
}
