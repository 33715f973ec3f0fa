import { DATA_TYPE, type Graph } from '@sparewheel/onnx';
import { float16Bits } from '@sparewheel/protocol';
import { float16Tensor } from '@sparewheel/runtime/float16-tensor';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { type Sizes, shapeAt } from './free-dimensions.ts';
import { translateRuntimeError } from './runtime-errors.ts';

/** Returns element i of a trial input of real numbers. */
export type RealInput = (i: number) => number;
export const FIRST_INPUT: RealInput = (i) => Math.sin(i);
/** Differs from the first in sign, size and order of its elements. */
export const SECOND_INPUT: RealInput = (i) => 3 * Math.cos(1.3 * i) - 1;

const REAL_TYPES: ReadonlySet<number> = new Set([DATA_TYPE.float32, DATA_TYPE.float64, DATA_TYPE.float16]);

/**
 * Runs a session on a made-up input.
 * @param sizes  of the free dimensions, by name
 * @throws {ModelRejectedError} DOES_NOT_RUN
 */
export async function runTrial(
  session: InferenceSession,
  graph: Graph,
  sizes: Sizes,
  fetches: readonly string[],
  real: RealInput,
): Promise<InferenceSession.OnnxValueMapType> {
  // Integers, also in strings, may be indices or lengths: 0 is valid for an index, 1 for a length.
  const hasIntegers = graph.inputs.some(
    ({ type }) => type?.kind === 'tensor' && !REAL_TYPES.has(type.dataType),
  );
  let failure: unknown;
  for (const integer of hasIntegers ? ([0, 1] as const) : ([0] as const)) {
    try {
      return await session.run(trialFeeds(graph, sizes, real, integer), fetches);
    } catch (error) {
      failure ??= error;
    }
  }
  throw translateRuntimeError(failure, 'run');
}

/** Creates a feed for every input of the graph. */
function trialFeeds(graph: Graph, sizes: Sizes, real: RealInput, integer: 0 | 1): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const input of graph.inputs) {
    const { name, type } = input;
    if (type?.kind !== 'tensor') continue;
    const dims = shapeAt(input, sizes);
    const count = dims.reduce((product, dim) => product * dim, 1);
    feeds[name] = trialTensor(type.dataType, dims, count, real, integer);
  }
  return feeds;
}

/** Period of a trial input. It is prime, so that the rows of an image differ. */
const PERIOD = 4093;

function fillRepeating<T extends Float32Array | Float64Array | Uint16Array>(data: T, real: RealInput): T {
  for (let i = 0; i < Math.min(PERIOD, data.length); i++) data[i] = real(i);
  for (let done = PERIOD; done < data.length; done *= 2) data.copyWithin(done, 0, done);
  return data;
}

function trialTensor(
  dataType: number,
  dims: number[],
  count: number,
  real: RealInput,
  integer: 0 | 1,
): Tensor {
  switch (dataType) {
    case DATA_TYPE.float32:
      return new Tensor('float32', fillRepeating(new Float32Array(count), real), dims);
    case DATA_TYPE.float64:
      return new Tensor('float64', fillRepeating(new Float64Array(count), real), dims);
    case DATA_TYPE.float16:
      return float16Tensor(
        Tensor,
        fillRepeating(new Uint16Array(count), (i) => float16Bits(real(i))),
        dims,
      );
    // A text that is also a number: the model may convert it.
    case DATA_TYPE.string:
      return new Tensor('string', new Array<string>(count).fill(String(integer)), dims);
    case DATA_TYPE.int64:
      return new Tensor('int64', new BigInt64Array(count).fill(BigInt(integer)), dims);
    case DATA_TYPE.uint64:
      return new Tensor('uint64', new BigUint64Array(count).fill(BigInt(integer)), dims);
    case DATA_TYPE.int32:
      return new Tensor('int32', new Int32Array(count).fill(integer), dims);
    case DATA_TYPE.uint32:
      return new Tensor('uint32', new Uint32Array(count).fill(integer), dims);
    case DATA_TYPE.int16:
      return new Tensor('int16', new Int16Array(count).fill(integer), dims);
    case DATA_TYPE.uint16:
      return new Tensor('uint16', new Uint16Array(count).fill(integer), dims);
    case DATA_TYPE.int8:
      return new Tensor('int8', new Int8Array(count).fill(integer), dims);
    case DATA_TYPE.uint8:
      return new Tensor('uint8', new Uint8Array(count).fill(integer), dims);
    default:
      return new Tensor('bool', new Uint8Array(count).fill(integer), dims);
  }
}
