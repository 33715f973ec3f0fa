import { containsNonFinite16 } from './float16.ts';
import type { Tensor } from './tensor.ts';

/**
 * Whether any element is NaN or infinite. An answer of a device must be finite. One pass, no branch per element.
 * @param data  float32 or float64 elements; not mutated
 */
export function containsNonFinite(data: Float32Array | Float64Array): boolean {
  // x · 0 is 0 for finite x and NaN otherwise, and a sum with NaN is NaN. Four sums hide the latency of additions.
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  const whole = data.length - (data.length % 4);
  for (let i = 0; i < whole; i += 4) {
    first += data[i]! * 0;
    second += data[i + 1]! * 0;
    third += data[i + 2]! * 0;
    fourth += data[i + 3]! * 0;
  }
  for (let i = whole; i < data.length; i++) first += data[i]! * 0;
  return first + second + third + fourth !== 0;
}

/** Whether every element of a tensor is finite. Integers always are. */
export function isFiniteTensor(tensor: Tensor): boolean {
  if (tensor.type === 'float16') return !containsNonFinite16(tensor.data as Uint16Array);
  if (tensor.type !== 'float32' && tensor.type !== 'float64') return true;
  return !containsNonFinite(tensor.data as Float32Array | Float64Array);
}
