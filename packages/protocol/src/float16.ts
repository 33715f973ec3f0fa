/**
 * Half precision (IEEE 754 binary16). Tensors hold its bits in a Uint16Array, because the supported versions of Node
 * have no Float16Array.
 */

const EXPONENT_BITS = 0x7c00;
const INFINITY_BITS = 0x7c00;
const NAN_BITS = 0x7e00;
/** The first magnitude that rounds to infinity: halfway between the largest value, 65504, and 65536. */
const OVERFLOW = 65_520;
const SMALLEST_EXPONENT = -14;

let values: Float32Array | undefined;

/** Returns the value of a float16. */
export function float16Value(bits: number): number {
  values ??= Float32Array.from({ length: 2 ** 16 }, (_, each) => decode(each));
  return values[bits]!;
}

function decode(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits & EXPONENT_BITS) >> 10;
  const fraction = bits & 0x03ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const scratch = new DataView(new ArrayBuffer(8));

/** Returns the bits of the nearest float16, of two equally near the even one. Infinite from 65520 on. */
export function float16Bits(value: number): number {
  if (Number.isNaN(value)) return NAN_BITS;
  scratch.setFloat64(0, value);
  const high = scratch.getUint16(0);
  const sign = high & 0x8000;
  const magnitude = Math.abs(value);
  if (magnitude >= OVERFLOW) return sign | INFINITY_BITS;
  const exponent = Math.max(SMALLEST_EXPONENT, ((high & 0x7ff0) >> 4) - 1023);
  const units = roundHalfEven(magnitude * 2 ** (10 - exponent));
  // A normal number has 1024 to 2048 units. Those above 1023 carry into the exponent.
  return sign | ((exponent - SMALLEST_EXPONENT) * 1024 + units);
}

/** @param value  at least 0 */
function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** Returns whether any element is NaN or infinite. @param bits  of float16 elements; not mutated */
export function containsNonFinite16(bits: Uint16Array): boolean {
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & EXPONENT_BITS) === EXPONENT_BITS) return true;
  return false;
}
