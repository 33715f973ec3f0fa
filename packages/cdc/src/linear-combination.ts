import { createSimdKernel, SIMD_CHUNK, SIMD_SOURCES } from './simd-kernel.ts';

const kernel = createSimdKernel();
/** With fewer elements, copying them to the kernel's memory costs more than it saves. */
const SIMD_MIN_ELEMENTS = 128;

const accumulator = new Float64Array(SIMD_CHUNK);

/**
 * Computes target[targetOffset + i] = Σ_s coefficients[s] · sources[s][offsets[s] + i] for i < length. Source
 * s counts as zero from `lengths[s]` on. It sums in float64 and rounds each element to float32 once, so the
 * result is as exact as float32 allows for any number of sources. The target must not overlap a source.
 * @returns whether every result is finite; a non-finite source element makes it false, even
 *          with coefficient zero
 */
export function linearCombination(
  target: Float32Array,
  targetOffset: number,
  length: number,
  coefficients: ArrayLike<number>,
  sources: readonly Float32Array[],
  offsets: ArrayLike<number>,
  lengths: ArrayLike<number>,
): boolean {
  let finite = true;
  // Between two consecutive source lengths, the set of active sources is constant.
  let from = 0;
  while (from < length) {
    let to = length;
    const active: number[] = [];
    for (let s = 0; s < sources.length; s++) {
      const end = lengths[s]!;
      if (end <= from) continue;
      active.push(s);
      if (end < to) to = end;
    }
    if (!combineActive(target, targetOffset, from, to, coefficients, sources, offsets, active))
      finite = false;
    from = to;
  }
  return finite;
}

/**
 * Returns the largest magnitude of Σ_s coefficients[s] · sources[s][i] over all i, computed in float32: the sum of each
 * element is off by at most (sources + 1) · 2^-24 · Σ_s |coefficients[s] · sources[s][i]|.
 * @returns NaN or Infinity if an element is not finite or a sum overflows; undefined without SIMD or for too many
 *   sources
 */
export function largestSum(
  coefficients: ArrayLike<number>,
  sources: readonly Float32Array[],
): number | undefined {
  if (kernel === undefined || sources.length > SIMD_SOURCES) return undefined;
  for (let s = 0; s < sources.length; s++) kernel.coefficients[s] = coefficients[s]!;
  const length = sources[0]?.length ?? 0;
  let largest = 0;
  for (let start = 0; start < length; start += SIMD_CHUNK) {
    const count = Math.min(SIMD_CHUNK, length - start);
    for (let s = 0; s < sources.length; s++) {
      kernel.slots[s]!.set(sources[s]!.subarray(start, start + count));
    }
    largest = Math.max(largest, kernel.largestSum(count, sources.length));
  }
  return largest;
}

/** Returns the largest magnitude of an array; NaN or Infinity if an element is not finite. */
export function largestMagnitude(values: Float32Array): number {
  const largest = largestSum([1], [values]);
  if (largest !== undefined) return largest;
  let magnitude = 0;
  for (let i = 0; i < values.length; i++) magnitude = Math.max(magnitude, Math.abs(values[i]!));
  return magnitude;
}

function combineActive(
  target: Float32Array,
  targetOffset: number,
  from: number,
  to: number,
  coefficients: ArrayLike<number>,
  sources: readonly Float32Array[],
  offsets: ArrayLike<number>,
  active: readonly number[],
): boolean {
  let finite = true;
  const simd = active.length <= SIMD_SOURCES ? kernel : undefined;
  if (simd) for (let a = 0; a < active.length; a++) simd.coefficients[a] = coefficients[active[a]!]!;
  for (let start = from; start < to; start += SIMD_CHUNK) {
    const count = Math.min(SIMD_CHUNK, to - start);
    if (simd && count >= SIMD_MIN_ELEMENTS) {
      for (let a = 0; a < active.length; a++) {
        const s = active[a]!;
        const offset = offsets[s]! + start;
        simd.slots[a]!.set(sources[s]!.subarray(offset, offset + count));
      }
      const suspicious = !simd.combine(count, active.length);
      target.set(count === SIMD_CHUNK ? simd.target : simd.target.subarray(0, count), targetOffset + start);
      if (suspicious && !allFinite(target, targetOffset + start, count)) finite = false;
      continue;
    }
    accumulator.fill(0, 0, count);
    for (let a = 0; a < active.length; ) {
      const s = active[a]!;
      if (active.length - a >= 4) {
        const t = active[a + 1]!;
        const u = active[a + 2]!;
        const v = active[a + 3]!;
        addFour(
          count,
          sources[s]!,
          offsets[s]! + start,
          coefficients[s]!,
          sources[t]!,
          offsets[t]! + start,
          coefficients[t]!,
          sources[u]!,
          offsets[u]! + start,
          coefficients[u]!,
          sources[v]!,
          offsets[v]! + start,
          coefficients[v]!,
        );
        a += 4;
      } else {
        addOne(count, sources[s]!, offsets[s]! + start, coefficients[s]!);
        a += 1;
      }
    }
    const base = targetOffset + start;
    for (let i = 0; i < count; i++) target[base + i] = accumulator[i]!;
    if (!allFinite(target, base, count)) finite = false;
  }
  return finite;
}

function addOne(count: number, source: Float32Array, offset: number, c: number): void {
  for (let i = 0; i < count; i++) accumulator[i] = accumulator[i]! + c * source[offset + i]!;
}

function addFour(
  count: number,
  s: Float32Array,
  sOffset: number,
  sC: number,
  t: Float32Array,
  tOffset: number,
  tC: number,
  u: Float32Array,
  uOffset: number,
  uC: number,
  v: Float32Array,
  vOffset: number,
  vC: number,
): void {
  for (let i = 0; i < count; i++) {
    // Left to right, in the kernel's order, so that both give the same bits.
    accumulator[i] =
      accumulator[i]! +
      sC * s[sOffset + i]! +
      tC * t[tOffset + i]! +
      uC * u[uOffset + i]! +
      vC * v[vOffset + i]!;
  }
}

/** Returns whether every element is finite. Branch-free: x · 0 is NaN exactly when x is not finite. */
export function allFinite(values: Float32Array, offset = 0, length = values.length - offset): boolean {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const end = offset + length;
  let i = offset;
  for (; i + 3 < end; i += 4) {
    a += values[i]! * 0;
    b += values[i + 1]! * 0;
    c += values[i + 2]! * 0;
    d += values[i + 3]! * 0;
  }
  for (; i < end; i++) a += values[i]! * 0;
  return a + b + c + d === 0;
}
