import { invalid } from '../errors.ts';
import { type Emitter, firstValue } from '../tensors/emitter.ts';
import type { Value } from '../tensors/value.ts';
import { type Window, windowOver } from './window.ts';

/** Adds a pooling over the spatial axes. An average does not count the padding. */
export function pooling(
  emitter: Emitter,
  opType: 'MaxPool' | 'AveragePool',
  input: Value,
  window: Omit<Window, 'dilations'>,
  name: string,
): Value {
  const rank = input.dims?.length;
  const { kernel, strides } = window;
  const positive = [...kernel, ...strides].every((size) => Number.isSafeInteger(size) && size > 0);
  if (
    rank === undefined ||
    rank < 3 ||
    rank > 5 ||
    kernel.length !== rank - 2 ||
    strides.length !== rank - 2 ||
    !positive
  ) {
    throw invalid(`the pooling "${name}" has the invalid window [${kernel.join(', ')}] or strides`);
  }
  const dilations = kernel.map(() => 1);
  const { attributes, sizes } = windowOver(input.dims!.slice(1, -1), { ...window, dilations });
  const { dilations: _dilations, ...used } = attributes;
  const result = emitter.node(opType, [emitter.first(input)], used, name);
  return firstValue(result, input.type, [input.dims![0]!, ...sizes, input.dims![rank - 1]!]);
}
