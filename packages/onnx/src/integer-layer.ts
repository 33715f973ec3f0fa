import { type ConstantTensor, DATA_TYPE, dataTypeName, type Node } from './model.ts';

/** What is special about a layer whose weights and input are 8-bit integers and whose output is int32. */
export interface IntegerWeights {
  /** Constant with the zero point of the feed; absent for zero. */
  readonly feedZeroPoint?: string;
  /** Constant with the zero point of the weights, one for all rows or one per row; absent for zero. */
  readonly weightsZeroPoint?: string;
  /** The largest magnitude that an output can have. */
  readonly largest: number;
}

/** A layer before its zero points are known. */
interface ByteLayer {
  readonly op: string;
  readonly feedIndex: number;
  readonly weights: string;
  readonly weightsIndex: number;
  readonly layout: { readonly rows: number };
}

/** The largest magnitude of an 8-bit integer minus its zero point. */
const LARGEST = 255;
/** The same for int8 with the zero point 0. */
const LARGEST_SYMMETRIC = 128;

/** Returns whether a constant has 8-bit integers. */
export function isByte({ dataType }: ConstantTensor): boolean {
  return dataType === DATA_TYPE.int8 || dataType === DATA_TYPE.uint8;
}

/**
 * Adds the zero points to a layer with integer weights.
 * @param terms  products that are summed for one output
 * @returns the layer, or the reason why it is not codable
 */
export function withIntegers<Layer extends ByteLayer>(
  layer: Layer,
  node: Node,
  constants: ReadonlyMap<string, ConstantTensor>,
  terms: number,
): (Layer & { readonly integers: IntegerWeights }) | (Pick<Layer, 'op'> & { readonly reason: string }) {
  const notCodable = (reason: string) => ({ op: layer.op as Layer['op'], reason });
  const feedZeroPoint = node.inputs[2 + layer.feedIndex] ?? '';
  const weightsZeroPoint = node.inputs[2 + layer.weightsIndex] ?? '';
  const weights = constants.get(layer.weights)!;
  if (feedZeroPoint !== '') {
    const tensor = constants.get(feedZeroPoint);
    if (!tensor) return notCodable('the zero point of its input is computed at run time');
    if (elements(tensor) !== 1) return notCodable('the zero point of its input is not one number');
  }
  if (weightsZeroPoint !== '') {
    const tensor = constants.get(weightsZeroPoint);
    if (!tensor) return notCodable('the zero point of its weights is computed at run time');
    const perRow = layer.op === 'MatMulInteger' && layer.weightsIndex === 1 && tensor.dims.length === 1;
    if (elements(tensor) !== 1 && !(perRow && elements(tensor) === layer.layout.rows)) {
      return notCodable(`the zero point of its weights has the shape [${tensor.dims.join(', ')}]`);
    }
  }
  const symmetric = weightsZeroPoint === '' && weights.dataType === DATA_TYPE.int8;
  const integers: IntegerWeights = {
    ...(feedZeroPoint === '' ? {} : { feedZeroPoint }),
    ...(weightsZeroPoint === '' ? {} : { weightsZeroPoint }),
    largest: terms * LARGEST * (symmetric ? LARGEST_SYMMETRIC : LARGEST),
  };
  return { ...layer, integers };
}

/** Returns why weights of this type cannot be coded. */
export function notByte(weights: ConstantTensor): string {
  return `its weights are ${dataTypeName(weights.dataType)}; only int8 and uint8 can be coded`;
}

function elements({ dims }: ConstantTensor): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
