import { type Answers, createDecoder } from '../decode.ts';
import { encodeViews } from '../encode.ts';
import {
  InvalidArgumentError,
  LengthMismatchError,
  NonFiniteAnswerError,
  NonFiniteWeightError,
  TooManyShardsError,
} from '../errors.ts';
import { type Generator, totalShards } from '../generator.ts';
import { placeAxis } from './axis.ts';
import { type Convolution, convolution, costOf, count, outputSize, shapesOf } from './layer.ts';

/**
 * Coded spatial splitting: every device has all filters, and the *input* is coded at run time. Strips of one size
 * under strips of the output are combined by the generator; a convolution without its bias is linear in its input,
 * so the outputs of any k of the k + r devices give the k strips of the output. [CoCoI, arXiv 2501.06856]
 */
export interface CodedInput {
  /** What each of the k + r devices computes, without bias: the same layer for all. */
  readonly shardLayer: Convolution;
  /** Cuts an input into k strips and codes them. @returns k + r inputs for the devices, by shard index */
  encodeInput(input: Float32Array): Float32Array[];
  /** Recovers the layer's output, bias added, from any k of the devices' outputs. */
  decodeOutput(answers: Answers, bias?: Float32Array): Float32Array;
}

/**
 * @param axis  the spatial axis that is cut into strips; the last is the width
 * @throws {TooManyShardsError} more strips than output positions along the axis
 */
export function codedInput(
  layer: Convolution,
  generator: Generator,
  axis = layer.size.length - 1,
): CodedInput {
  const k = generator.dataShards;
  const { shardLayer, outputs, inputStep } = strips(layer, k, axis);
  const inputShape = shapesOf(layer).input;
  const stripShape = shapesOf(shardLayer).input;
  const stripOutput = shapesOf(shardLayer).output;
  const output = shapesOf(layer).output;
  const decoder = createDecoder(generator);
  return {
    shardLayer,
    encodeInput(input) {
      if (input.length !== count(inputShape)) {
        throw new LengthMismatchError('input', count(inputShape), input.length);
      }
      const data = Array.from({ length: k }, (_, strip) =>
        windowOf(
          input,
          inputShape,
          2 + axis,
          strip * inputStep - layer.padsBegin[axis]!,
          stripShape[2 + axis]!,
        ),
      );
      try {
        const parity = Array.from({ length: generator.parityShards }, (_, i) =>
          encodeViews(generator, i, data, new Float32Array(count(stripShape))),
        );
        return [...data, ...parity];
      } catch (error) {
        // What is encoded here is an activation, not a weight.
        if (error instanceof NonFiniteWeightError)
          throw new NonFiniteAnswerError(error.dataShard, error.value);
        throw error;
      }
    },
    decodeOutput(answers, bias) {
      if (answers.length !== totalShards(generator)) {
        throw new LengthMismatchError('answers', totalShards(generator), answers.length);
      }
      for (const [shard, answer] of answers.entries()) {
        if (answer && answer.length !== count(stripOutput)) {
          throw new LengthMismatchError(`the answer of shard ${shard}`, count(stripOutput), answer.length);
        }
      }
      const merged = new Float32Array(count(output));
      for (const [strip, part] of decoder.reconstruct(answers).entries()) {
        const start = strip * outputs;
        const size = Math.min(outputs, output[2 + axis]! - start);
        if (size <= 0) break;
        const kept = size === outputs ? part : windowOf(part, stripOutput, 2 + axis, 0, size);
        placeAxis(merged, output, 2 + axis, start, size, kept);
      }
      if (bias) {
        if (bias.length !== layer.filters) throw new LengthMismatchError('bias', layer.filters, bias.length);
        const positions = count(output.slice(2));
        for (let i = 0; i < merged.length; i++) {
          merged[i]! += bias[Math.floor(i / positions) % layer.filters]!;
        }
      }
      return merged;
    },
  };
}

/** What coding the input costs, in multiply-adds per request, beside replication on as many devices. */
export interface CodedInputCost {
  readonly deviceMultiplyAdds: number;
  /** On the data plane, for every request: r parity strips over k strips. */
  readonly encodeMultiplyAdds: number;
  /** On the data plane, with as many strips missing as can be. */
  readonly decodeMultiplyAdds: number;
  /** Bytes to each device. */
  readonly inputBytes: number;
  /** With replication, n devices survive r failures on n / (r + 1) distinct strips (rounded down). */
  readonly replicaMultiplyAdds: number;
  /** Encoding, a device's work and decoding, one after the other, against a replica's work. */
  readonly beatsReplication: boolean;
}

/**
 * When coded inputs are worth it: n = k + r devices do 1/k of the layer each instead of (r + 1)/n of it, and the data
 * plane encodes and decodes. With few output channels the coding eats the gain.
 * @param dataPlaneSpeed  multiply-adds of the data plane per multiply-add of a device in the same time
 */
export function codedInputCost(
  layer: Convolution,
  k: number,
  r: number,
  axis = layer.size.length - 1,
  dataPlaneSpeed = 1,
): CodedInputCost {
  if (!(dataPlaneSpeed > 0))
    throw new InvalidArgumentError('dataPlaneSpeed', dataPlaneSpeed, 'a number above 0');
  const device = costOf(strips(layer, k, axis).shardLayer);
  const encodeMultiplyAdds = (r * k * device.inputBytes) / 4;
  const decodeMultiplyAdds = (Math.min(r, k) * k * device.outputBytes) / 4;
  const distinct = Math.max(1, Math.floor((k + r) / (r + 1)));
  const replicaMultiplyAdds = costOf(strips(layer, distinct, axis).shardLayer).multiplyAdds;
  const coding = (encodeMultiplyAdds + decodeMultiplyAdds) / dataPlaneSpeed;
  return {
    deviceMultiplyAdds: device.multiplyAdds,
    encodeMultiplyAdds,
    decodeMultiplyAdds,
    inputBytes: device.inputBytes,
    replicaMultiplyAdds,
    beatsReplication: coding + device.multiplyAdds < replicaMultiplyAdds,
  };
}

/** k strips of one size: how many outputs each makes, how far apart their inputs begin, and the layer of one strip. */
function strips(
  layer: Convolution,
  k: number,
  axis: number,
): { shardLayer: Convolution; outputs: number; inputStep: number } {
  if (!Number.isInteger(axis) || axis < 0 || axis >= layer.size.length) {
    throw new InvalidArgumentError('axis', axis, `a spatial axis in [0, ${layer.size.length})`);
  }
  const positions = outputSize(layer)[axis]!;
  if (k > positions) throw new TooManyShardsError(positions, k);
  const outputs = Math.ceil(positions / k);
  const stride = layer.strides[axis]!;
  const size = (outputs - 1) * stride + layer.dilations[axis]! * (layer.kernel[axis]! - 1) + 1;
  const shardLayer = convolution({
    ...layer,
    // Padding along the axis is a part of the strips: it must be coded like everything else.
    size: layer.size.with(axis, size),
    padsBegin: layer.padsBegin.with(axis, 0),
    padsEnd: layer.padsEnd.with(axis, 0),
  });
  return { shardLayer, outputs, inputStep: outputs * stride };
}

/** The part `[start, start + size)` along one axis, with zeros where that reaches beyond the tensor. */
function windowOf(
  values: Float32Array,
  shape: readonly number[],
  axis: number,
  start: number,
  size: number,
): Float32Array {
  const inner = count(shape.slice(axis + 1));
  const outer = count(shape.slice(0, axis));
  const length = shape[axis]!;
  const from = Math.max(start, 0);
  const to = Math.min(start + size, length);
  const window = new Float32Array(outer * size * inner);
  if (to <= from) return window;
  for (let o = 0; o < outer; o++) {
    window.set(
      values.subarray((o * length + from) * inner, (o * length + to) * inner),
      (o * size + from - start) * inner,
    );
  }
  return window;
}
