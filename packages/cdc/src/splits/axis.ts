import { LengthMismatchError } from '../errors.ts';
import { count, type Values } from './layer.ts';

/**
 * Copies the range `[start, start + size)` along one axis of a tensor.
 * @throws {LengthMismatchError} the length of `values` does not match `shape`
 */
export function sliceAxis<T extends Values>(
  values: T,
  shape: readonly number[],
  axis: number,
  start: number,
  size: number,
): T {
  if (values.length !== count(shape)) {
    throw new LengthMismatchError('the tensor to divide', count(shape), values.length);
  }
  const inner = count(shape.slice(axis + 1));
  const outer = count(shape.slice(0, axis));
  const line = shape[axis]! * inner;
  const part = values.slice(0, outer * size * inner) as T;
  for (let o = 0; o < outer; o++) {
    const from = o * line + start * inner;
    part.set(values.subarray(from, from + size * inner), o * size * inner);
  }
  return part;
}

/**
 * Writes a part into `[start, start + size)` along one axis of a tensor: the inverse of `sliceAxis`.
 * @throws {LengthMismatchError} the length of `part` does not match
 */
export function writeAxis(
  target: Values,
  shape: readonly number[],
  axis: number,
  start: number,
  size: number,
  part: Values,
): void {
  const inner = count(shape.slice(axis + 1));
  const outer = count(shape.slice(0, axis));
  if (part.length !== outer * size * inner) {
    throw new LengthMismatchError("a device's output", outer * size * inner, part.length);
  }
  const line = shape[axis]! * inner;
  for (let o = 0; o < outer; o++) {
    target.set(part.subarray(o * size * inner, (o + 1) * size * inner), o * line + start * inner);
  }
}
