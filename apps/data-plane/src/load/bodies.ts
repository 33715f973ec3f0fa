import {
  ApiError,
  bytesOf,
  elementCount,
  encodeStrings,
  float16Bits,
  type Tensor,
  type TensorSpec,
  usualDims,
} from '@sparewheel/protocol';
import { sampleDigits } from '@sparewheel/zoo/digits';
import { DATATYPES } from '../inference/types.ts';

/** The body of an `infer` call in binary form. May be sent many times. */
export interface RequestBody {
  readonly bytes: Buffer;
  /** Value of the header Inference-Header-Content-Length. */
  readonly headerLength: number;
}

/** Number of different inputs in one run. */
const VARIANTS = 16;

/**
 * Creates request bodies for a model: sample digits if an input is an image of 28 × 28 pixels, otherwise
 * random numbers.
 * @param inputs  a free dimension gets its usual size
 * @param random  uniform in [0, 1)
 */
export function loadBodies(inputs: readonly TensorSpec[], random: () => number): readonly RequestBody[] {
  const digits = sampleDigits();
  return Array.from({ length: VARIANTS }, (_, variant) =>
    encodeBody(
      inputs.map((spec): [string, Tensor] => {
        const dims = usualDims(spec);
        const digit = digits[variant % digits.length];
        if (digit !== undefined && isDigitImage(spec, dims)) {
          return [
            spec.name,
            { type: 'float32', dims, data: Float32Array.from(digit.pixels, (value) => value / 255) },
          ];
        }
        return [spec.name, randomTensor(spec, dims, random)];
      }),
    ),
  );
}

/**
 * Checks that pictures fit a model. The model needs exactly one input, of type uint8 or float32, with as many
 * elements as each picture has bytes.
 * @param pictures  bytes in base64, as in a load request
 * @throws {ApiError} 400
 */
export function checkPictures(inputs: readonly TensorSpec[], pictures: readonly string[] = []): void {
  if (pictures.length === 0) return;
  const { dims, type } = pictureInput(inputs);
  const expected = elementCount(dims);
  for (const [index, picture] of pictures.entries()) {
    const bytes = Buffer.from(picture, 'base64').byteLength;
    if (bytes === expected) continue;
    throw new ApiError(
      400,
      'wrong-picture',
      `Picture ${index + 1} has ${bytes} elements, but the input ${type} [${dims.join(', ')}] has ${expected}.`,
      'Send one byte per element, in the order of the input.',
    );
  }
}

/**
 * Creates one request body per picture. Bytes become floats from 0 to 1 for a float32 input.
 * @throws {ApiError} 400: like `checkPictures`
 */
export function pictureBodies(
  inputs: readonly TensorSpec[],
  pictures: readonly string[],
): readonly RequestBody[] {
  checkPictures(inputs, pictures);
  const { name, dims, type } = pictureInput(inputs);
  return pictures.map((picture) => {
    const bytes = Uint8Array.from(Buffer.from(picture, 'base64'));
    const tensor: Tensor =
      type === 'uint8'
        ? { type, dims, data: bytes }
        : { type: 'float32', dims, data: Float32Array.from(bytes, (value) => value / 255) };
    return encodeBody([[name, tensor]]);
  });
}

function pictureInput(inputs: readonly TensorSpec[]) {
  const [spec, ...more] = inputs;
  if (spec === undefined || more.length > 0 || (spec.type !== 'float32' && spec.type !== 'uint8')) {
    throw new ApiError(
      400,
      'no-picture-input',
      `Pictures need a model with one float32 or uint8 input. The inputs of this model are: ${inputs
        .map(({ name, type, dims }) => `${name} ${type} [${dims.join(', ')}]`)
        .join(', ')}.`,
      'Omit "pictures" to send random inputs.',
    );
  }
  return { name: spec.name, type: spec.type, dims: usualDims(spec) };
}

/**
 * Encodes an `infer` call in binary form.
 * @param feeds  name and tensor of each input
 */
export function encodeBody(feeds: readonly (readonly [string, Tensor])[]): RequestBody {
  const header = Buffer.from(
    JSON.stringify({
      inputs: feeds.map(([name, { type, dims, data }]) => ({
        name,
        shape: dims,
        datatype: DATATYPES[type],
        parameters: { binary_data_size: data.byteLength },
      })),
      parameters: { binary_data_output: true },
    }),
  );
  return {
    bytes: Buffer.concat([header, ...feeds.map(([, { data }]) => bytesOf(data))]),
    headerLength: header.byteLength,
  };
}

function isDigitImage(spec: TensorSpec, dims: readonly number[]): boolean {
  return (
    spec.type === 'float32' && elementCount(dims) === 28 * 28 && dims.at(-1) === 28 && dims.at(-2) === 28
  );
}

function randomTensor({ type }: TensorSpec, dims: readonly number[], random: () => number): Tensor {
  const values = Array.from({ length: elementCount(dims) }, random);
  switch (type) {
    case 'float32':
      return { type, dims, data: Float32Array.from(values) };
    case 'float64':
      return { type, dims, data: Float64Array.from(values) };
    case 'string':
      return { type, dims, data: encodeStrings(values.map((value) => String(smallInteger(value)))) };
    case 'float16':
      return { type, dims, data: Uint16Array.from(values, float16Bits) };
    case 'bool':
      return { type, dims, data: Uint8Array.from(values, (value) => (value < 0.5 ? 0 : 1)) };
    case 'int64':
      return { type, dims, data: BigInt64Array.from(values, smallBigInt) };
    case 'uint64':
      return { type, dims, data: BigUint64Array.from(values, smallBigInt) };
    case 'int8':
      return { type, dims, data: Int8Array.from(values, smallInteger) };
    case 'uint8':
      return { type, dims, data: Uint8Array.from(values, smallInteger) };
    case 'int16':
      return { type, dims, data: Int16Array.from(values, smallInteger) };
    case 'uint16':
      return { type, dims, data: Uint16Array.from(values, smallInteger) };
    case 'int32':
      return { type, dims, data: Int32Array.from(values, smallInteger) };
    case 'uint32':
      return { type, dims, data: Uint32Array.from(values, smallInteger) };
  }
}

/** Small values: an input of indices, for example token ids, then rarely exceeds its table. */
function smallInteger(value: number): number {
  return Math.floor(value * 16);
}
function smallBigInt(value: number): bigint {
  return BigInt(smallInteger(value));
}
