import { InvalidArgumentError, LengthMismatchError } from '../errors.ts';
import { placeAxis } from './axis.ts';
import { channelShares, filterShares, spatialShares } from './convolution-shares.ts';
import { inputShares, outputShares } from './fully-connected-shares.ts';
import { computeLayer } from './im2col.ts';
import { type Cost, costOf, count, type LinearLayer, shapesOf, type Values } from './layer.ts';
import type { Share } from './share.ts';

/** The paper's five ways to divide a layer over devices (§4): two for fully-connected layers, three for convolutions. */
export type SplitMethod = 'output' | 'input' | 'channel' | 'spatial' | 'filter';

/** A layer divided over k devices. */
export interface Split {
  readonly method: SplitMethod;
  readonly layer: LinearLayer;
  readonly shares: readonly Share[];
  /** `concatenate` puts outputs side by side; `sum` adds partial sums. */
  readonly merge: 'concatenate' | 'sum';
  /**
   * Where bias and activation go. An activation is not linear: after a sum it must wait for the merge. On a device
   * it may go along with a concatenation, unless the layer is coded: then it must wait for the decoding.
   */
  readonly bias: 'device' | 'after-merge';
  readonly activation: 'device' | 'after-merge';
}

/**
 * Divides a layer over k devices. [paper §4, §5.1, fig. 5–10]
 * @param axis  the spatial axis that `spatial` divides, 0 the outermost; ignored by the others
 * @throws {TooManyShardsError} fewer rows, columns or positions than devices
 * @throws {InvalidArgumentError} a method that is not for this kind of layer
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

/** Merges the devices' outputs to the layer's pre-activation, adding the bias if it has not been added yet. */
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
      placeAxis(merged, shape, axis, start, size, part);
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

/** Runs the whole split in float64: divide, every device's product, merge. */
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
  /** What a parity device would have to multiply, whose weights are made offline. */
  readonly parityMultiplyAdds: number;
  readonly layerMultiplyAdds: number;
  /** Whether coding beats doing the layer again: the parity does less than all of the layer's work. */
  readonly suitable: boolean;
}

/**
 * Derives whether a split is suitable for coded redundancy [paper §5.3, Table 1] from what its shares are.
 * A parity device answers Σ_b W_b · I_b. Blocks that are multiplied with the same input can be summed beforehand,
 * Σ_b W_b · I = (Σ_b W_b) · I, at the cost of the tallest; blocks with different inputs must each be multiplied.
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
