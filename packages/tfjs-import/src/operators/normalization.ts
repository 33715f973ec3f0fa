import { invalid } from '../errors.ts';
import { type Emitter, firstValue, floatValue, lastValue } from '../tensors/emitter.ts';
import type { Value } from '../tensors/value.ts';

/** Normalizes each channel with constants. Parameters have one element per channel; null: no change. */
export function batchNormalization(
  emitter: Emitter,
  input: Value,
  parameters: { scale: Value | null; offset: Value | null; mean: Value; variance: Value },
  epsilon: number,
  name: string,
): Value {
  const rank = input.dims?.length;
  const channels = parameters.mean.dims?.[0];
  if (rank === undefined || rank < 2 || channels === undefined || channels === null) {
    throw invalid(`the normalization "${name}" has an input of unknown rank, or invalid parameters`);
  }
  const filled = (number: number) => floatValue(new Array<number>(channels).fill(number), [channels]);
  const { scale, offset, mean, variance } = parameters;
  const tensors = [scale ?? filled(1), offset ?? filled(0), mean, variance].map((each) => emitter.last(each));
  const attributes = { epsilon: { float: epsilon } };
  const first = rank >= 3;
  const tensor = first ? emitter.first(input) : emitter.last(input);
  const output = emitter.node('BatchNormalization', [tensor, ...tensors], attributes, name);
  return first ? firstValue(output, 'float32', input.dims!) : lastValue(output, 'float32', input.dims);
}
