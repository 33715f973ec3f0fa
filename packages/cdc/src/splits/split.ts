import { InvalidArgumentError, LengthMismatchError } from '../errors.ts';
import { writeAxis } from './axis.ts';
import { computeLayer } from './im2col.ts';
import { type Cost, costOf, count, type LinearLayer, shapesOf, type Values } from './layer.ts';
import {
  channelShares,
  filterShares,
  inputShares,
  outputShares,
  type Share,
  spatialShares,
} from './shares.ts';

/** The paper's five splits (§4): two for fully-connected layers, three for convolutions. */
export type SplitMethod = 'output' | 'input' | 'channel' | 'spatial' | 'filter';

/** A layer divided over k devices. */
export interface Split {
  readonly method: SplitMethod;
  readonly layer: LinearLayer;
  readonly shares: readonly Share[];
  /** How to merge the outputs: concatenate them, or add partial sums. */
  readonly merge: 'concatenate' | 'sum';
  readonly bias: 'device' | 'after-merge';
  /**
   * An activation is not linear, so it must follow a sum. With concatenation the device may apply it, unless
   * the layer is coded: then it must follow the decoding.
   */
  readonly activation: 'device' | 'after-merge';
}

/**
 * Divides a layer over k devices. [paper §4, §5.1, fig. 5–10]
 * @param axis  spatial axis for `spatial`, 0 is the outermost; other methods ignore it
 * @throws {TooManyShardsError} fewer rows, columns or positions than devices
 * @throws {InvalidArgumentError} a method for another kind of layer
 * @example
 * const layer = fullyConnected({ inputs: 4, outputs: 6 });
 * console.log(splitLayer(layer, 'output', 3).merge, splitLayer(layer, 'input', 2).merge);
 * // → concatenate sum
 */
export function splitLayer(layer: LinearLayer, method: SplitMethod, k: number, axis = 0): Split {
  const shares = sharesOf(layer, method, k, axis);
  const partial = shares.some((share) => share.output === undefined);
  const where = partial ? 'after-merge' : 'device';
  return { method, layer, shares, merge: partial ? 'sum' : 'concatenate', bias: where, activation: where };
}

function sharesOf(layer: LinearLayer, method: SplitMethod, k: number, axis: number): Share[] {
  if (layer.kind === 'fully-connected') {
    if (method === 'output') return outputShares(layer, k);
    if (method === 'input') return inputShares(layer, k);
  } else {
    if (method === 'channel') return channelShares(layer, k);
    if (method === 'spatial') return spatialShares(layer, k, axis);
    if (method === 'filter') return filterShares(layer, k);
  }
  const expected = layer.kind === 'fully-connected' ? 'output or input' : 'channel, spatial or filter';
  throw new InvalidArgumentError('method', method, `${expected} for a ${layer.kind} layer`);
}

/**
 * Merges the devices' outputs into the layer's pre-activation. Adds the bias if the devices have not added
 * it.
 * @param outputs  one per share, in order; not mutated
 * @throws {LengthMismatchError} a missing output, or an output of the wrong length
 */
export function mergeOutputs(split: Split, outputs: readonly Values[], bias?: Float32Array): Float64Array {
  const { layer, shares } = split;
  if (outputs.length !== shares.length) {
    throw new LengthMismatchError('outputs', shares.length, outputs.length);
  }
  const shape = shapesOf(layer).output;
  const merged = new Float64Array(count(shape));
  for (const [device, share] of shares.entries()) {
    const part = outputs[device]!;
    if (share.output) {
      const { axis, start, size } = share.output;
      writeAxis(merged, shape, axis, start, size, part);
    } else {
      if (part.length !== merged.length) {
        throw new LengthMismatchError("a device's partial sum", merged.length, part.length);
      }
      for (let i = 0; i < merged.length; i++) merged[i]! += part[i]!;
    }
  }
  if (bias && split.bias === 'after-merge') {
    const positions = count(shape.slice(2));
    for (let i = 0; i < merged.length; i++) merged[i]! += bias[Math.floor(i / positions) % shape[1]!]!;
  }
  return merged;
}

/**
 * Runs a split in float64: divides the tensors, computes every device's output and merges.
 * @example
 * const split = splitLayer(fullyConnected({ inputs: 2, outputs: 2 }), 'input', 2);
 * console.log(...runSplit(split, Float32Array.of(11, 13), Float32Array.of(2, 3, 5, 7)));
 * // → 61 146
 */
export function runSplit(
  split: Split,
  input: Float32Array,
  weights: Float32Array,
  bias?: Float32Array,
): Float64Array {
  const outputs = split.shares.map((share) =>
    computeLayer(
      share.layer,
      share.takeInput(input),
      share.takeWeights(weights),
      bias ? share.takeBias(bias) : undefined,
    ),
  );
  return mergeOutputs(split, outputs, bias);
}

/** A row of the paper's Table 1. */
export interface Suitability {
  readonly dividesInput: boolean;
  readonly dividesWeights: boolean;
  readonly dividesOutput: boolean;
  /** Work of a parity device. Its weights are computed offline. */
  readonly parityMultiplyAdds: number;
  readonly layerMultiplyAdds: number;
  /** Whether coding beats repeating the layer: the parity device does less work than the whole layer. */
  readonly suitable: boolean;
}

/**
 * Derives from its shares whether a split suits coded redundancy. [paper §5.3, Table 1] A parity device
 * computes Σ_b W_b · I_b. Blocks with the same input are summed offline, Σ_b W_b · I = (Σ_b W_b) · I, and
 * cost as much as the tallest. Blocks with different inputs must each be multiplied.
 * @example
 * const layer = fullyConnected({ inputs: 100, outputs: 100 });
 * const isSuitable = (method) => suitability(splitLayer(layer, method, 4)).suitable;
 * console.log(isSuitable('output'), isSuitable('input'));
 * // → true false
 */
export function suitability(split: Split): Suitability {
  const whole = costOf(split.layer);
  const tallest = new Map<string, number>();
  for (const { inputKey, layer } of split.shares) {
    tallest.set(inputKey, Math.max(tallest.get(inputKey) ?? 0, costOf(layer).multiplyAdds));
  }
  const parityMultiplyAdds = [...tallest.values()].reduce((sum, work) => sum + work, 0);
  const smaller = (part: (cost: Cost) => number) =>
    split.shares.some(({ layer }) => part(costOf(layer)) < part(whole));
  return {
    dividesInput: smaller((cost) => cost.inputBytes),
    dividesWeights: smaller((cost) => cost.weightsBytes),
    dividesOutput: smaller((cost) => cost.outputBytes),
    parityMultiplyAdds,
    layerMultiplyAdds: whole.multiplyAdds,
    suitable: parityMultiplyAdds < whole.multiplyAdds,
  };
}
