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
import { writeAxis } from './axis.ts';
import { type Convolution, convolution, costOf, count, outputSize, shapesOf } from './layer.ts';

/**
 * Coded spatial splitting: every device has all filters, and the *input* is encoded at run time. The
 * generator combines equally large strips of the input. A convolution without bias is linear in its input, so
 * the outputs of any k of the k + r devices determine the k strips of the output. [CoCoI, arXiv 2501.06856]
 */
export interface CodedInput {
  /** The layer of each of the k + r devices, without bias. */
  readonly shardLayer: Convolution;
  /**
   * Cuts an input into k strips and encodes r parity strips.
   * @param input  [batch, channels, …size]; not mutated
   * @returns k + r device inputs by shard index
   * @throws {LengthMismatchError} an input of the wrong length
   * @throws {NonFiniteAnswerError} the input contains NaN or an infinity
   */
  encodeInput(input: Float32Array): Float32Array[];
  /**
   * Recovers the layer's output from any k of the device outputs and adds the bias.
   * @returns [batch, filters, …output size]
   * @throws as `Decoder.reconstruct`
   */
  decodeOutput(answers: Answers, bias?: Float32Array): Float32Array;
}

/**
 * Prepares coded spatial splitting of a convolution.
 * @param axis  spatial axis to cut into strips. Default: the last, the width.
 * @throws {TooManyShardsError} more strips than output positions along the axis
 * @throws {InvalidArgumentError} no such axis
 * @example
 * const layer = convolution({ channels: 1, size: [5], filters: 1, kernel: [2] });
 * const coded = codedInput(layer, generatorMatrix(2, 1));
 * const inputs = coded.encodeInput(Float32Array.of(1, 2, 3, 4, 5)); // strips [1 2 3], [3 4 5] and their sum
 * const weights = Float32Array.of(10, 1);
 * const answers = inputs.map((input) => Float32Array.from(computeLayer(coded.shardLayer, input, weights)));
 * console.log(...coded.decodeOutput([undefined, answers[1], answers[2]]));
 * // → 12 23 34 45
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
        // The encoder reports weights, but these values are activations.
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
        writeAxis(merged, output, 2 + axis, start, size, kept);
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

/** The cost of coded inputs per request, compared with replication on the same number of devices. */
export interface CodedInputCost {
  readonly deviceMultiplyAdds: number;
  /** On the data plane: r parity strips from k strips. */
  readonly encodeMultiplyAdds: number;
  /** On the data plane, in the worst case of min(r, k) missing strips. */
  readonly decodeMultiplyAdds: number;
  /** Bytes to each device. */
  readonly inputBytes: number;
  /** Per replica. With replication, n devices survive r failures on ⌊n / (r + 1)⌋ distinct strips. */
  readonly replicaMultiplyAdds: number;
  /** Whether encoding, device and decoding together take less time than a replica. */
  readonly beatsReplication: boolean;
}

/**
 * Compares coded inputs with replication. Each of n = k + r devices computes 1/k of the layer instead of (r +
 * 1)/n, but the data plane encodes and decodes. With few output channels that costs more than it saves.
 * @param dataPlaneSpeed  speed of the data plane ÷ speed of a device
 * @throws as `codedInput`
 * @example
 * const layer = convolution({ channels: 256, size: [28, 28], filters: 512, kernel: [3, 3] });
 * const depthwise = convolution({ channels: 64, size: [28, 28], filters: 64, kernel: [1, 1], groups: 64 });
 * console.log([layer, depthwise].map((each) => codedInputCost(each, 4, 1).beatsReplication));
 * // → [ true, false ]
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

/**
 * Divides an axis into k equal strips.
 * @returns the layer of one strip, its number of outputs and the distance between two input strips' starts
 */
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
    // The strips contain the padding of this axis, so that it is encoded too.
    size: layer.size.with(axis, size),
    padsBegin: layer.padsBegin.with(axis, 0),
    padsEnd: layer.padsEnd.with(axis, 0),
  });
  return { shardLayer, outputs, inputStep: outputs * stride };
}

/** Copies the range `[start, start + size)` along one axis, with zeros outside the tensor. */
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
