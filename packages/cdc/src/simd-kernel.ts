/**
 * The hot loops of this package as 128-bit WebAssembly SIMD. V8 does not vectorize JavaScript; a plain loop
 * stays below half the speed of a memory copy and above 20 µs for a recovery. The module has about a kilobyte.
 * It is assembled from instructions here, so there is no file to load and no binary to maintain.
 *
 * Memory: coefficients (f64) at COEFFICIENTS and (f32) at ROUNDED, source s (f32) at SOURCES + s · SLOT_BYTES, result
 * at TARGET.
 */

/** Elements per call. 16 KB per source stay in a core's caches and outweigh the cost of the call. */
export const SIMD_CHUNK = 4096;
/** Sources per call: more than k + r of any code in the generator table. */
export const SIMD_SOURCES = 48;

const SLOT_BYTES = SIMD_CHUNK * 4;
const COEFFICIENTS = 0;
const ROUNDED = 1024;
/**
 * Offset by half a page, and so are the sources. Large arrays start at a page boundary, and copying between
 * addresses that are equal modulo 4096 is five times slower (measured on AMD EPYC).
 */
const TARGET = 4096 + 2048;
const SOURCES = TARGET + SLOT_BYTES;
const PAGES = Math.ceil((SOURCES + SIMD_SOURCES * SLOT_BYTES) / 65536);
/** Accumulators of two float64 lanes; the outer loop processes STEP elements per turn. */
const ACCUMULATORS = 8;
const STEP = 2 * ACCUMULATORS;

export interface SimdKernel {
  /** SIMD_SOURCES coefficients. */
  readonly coefficients: Float64Array;
  /** SIMD_SOURCES slots of SIMD_CHUNK elements. */
  readonly slots: readonly Float32Array[];
  /** SIMD_CHUNK elements, written by `combine`. */
  readonly target: Float32Array;
  /**
   * Computes target[i] = Σ_s coefficients[s] · slots[s][i] for i < count, in float64. It also overwrites the
   * elements up to the next multiple of 16.
   * @returns whether every written element is finite; an element beyond `count` may make it false
   */
  combine(count: number, sources: number): boolean;
  /**
   * Computes max over i < count of |Σ_s coefficients[s] · slots[s][i]| in float32, a fast estimate. Overwrites the
   * elements of the slots up to the next multiple of 16 with zeros.
   * @returns NaN or Infinity if an element is not finite
   */
  largestSum(count: number, sources: number): number;
}

/** Creates the kernel. Returns undefined if WebAssembly SIMD is missing or compilation is not allowed. */
export function createSimdKernel(): SimdKernel | undefined {
  try {
    const { Instance, Module } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
    const { memory, combine, largestSum } = new Instance(new Module(assemble())).exports;
    const coefficients = new Float64Array(memory.buffer, COEFFICIENTS, SIMD_SOURCES);
    const rounded = new Float32Array(memory.buffer, ROUNDED, SIMD_SOURCES);
    const slots = Array.from(
      { length: SIMD_SOURCES },
      (_, s) => new Float32Array(memory.buffer, SOURCES + s * SLOT_BYTES, SIMD_CHUNK),
    );
    return {
      coefficients,
      slots,
      target: new Float32Array(memory.buffer, TARGET, SIMD_CHUNK),
      combine: (count, sources) =>
        combine(Math.ceil(count / STEP) * STEP * 4, COEFFICIENTS + sources * 8) === 0,
      largestSum(count, sources) {
        const whole = Math.ceil(count / STEP) * STEP;
        for (let s = 0; s < sources; s++) rounded[s] = coefficients[s]!;
        if (whole > count) for (let s = 0; s < sources; s++) slots[s]!.fill(0, count, whole);
        return largestSum(whole * 4, ROUNDED + sources * 4);
      },
    };
  } catch {
    return undefined;
  }
}

/** The WebAssembly types used here. The full types need the DOM library or @types/node. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
  ) => {
    readonly exports: {
      readonly memory: { readonly buffer: ArrayBuffer };
      readonly combine: (bytes: number, coefficientsEnd: number) => number;
      readonly largestSum: (bytes: number, coefficientsEnd: number) => number;
    };
  };
}

const I32 = 0x7f;
const F32 = 0x7d;
const V128 = 0x7b;
const FUNCTION = 0x60;

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const i32Const = (value: number) => [0x41, ...signed(value)];
const i32Add = [0x6a];
const i32LessThan = [0x49];
const loop = [0x03, 0x40];
const branchIf = [0x0d, 0x00];
const end = [0x0b];
const simd = (opcode: number) => [0xfd, ...unsigned(opcode)];
const zero = [...simd(0x0c), ...new Array<number>(16).fill(0)];
const load = (offset: number) => [...simd(0x00), 2, ...unsigned(offset)];
const load32Splat = [...simd(0x09), 2, 0];
const load64Splat = [...simd(0x0a), 3, 0];
const load64Zero = (offset: number) => [...simd(0x5d), 3, ...unsigned(offset)];
const store64Lane0 = (offset: number) => [...simd(0x5b), 3, ...unsigned(offset), 0];
const f64x2Promote = simd(0x5f);
const f32x4Demote = simd(0x5e);
const f32x4Absolute = simd(0xe0);
/** NaN if one of the two is NaN. */
const f32x4Max = simd(0xe9);
const f32x4Lane = (lane: number) => [...simd(0x1f), lane];
const f32Max = [0x97];
const f32x4Multiply = simd(0xe6);
const f32x4Add = simd(0xe4);
const f32x4NotEqual = simd(0x42);
const anyTrue = simd(0x53);
const f64x2Add = simd(0xf0);
const f64x2Multiply = simd(0xf2);

/**
 * Assembles (func (param $bytes i32) (param $coefficientsEnd i32) (result i32)). For each step of elements,
 * eight accumulators stay in registers while the inner loop visits the sources. Each result · 0 is added to a
 * flag. The flag ends as NaN exactly if a result was not finite.
 */
function combineBody(): number[] {
  const [bytes, coefficientsEnd, position, source, coefficient] = [0, 1, 2, 3, 4];
  const [weight, flag, result] = [5, 6, 7];
  const accumulator = (i: number) => 8 + i;
  const each = (make: (i: number) => number[]) =>
    Array.from({ length: ACCUMULATORS }, (_, i) => make(i)).flat();
  return [
    ...vector([
      [3, I32],
      [3 + ACCUMULATORS, V128],
    ]),
    ...loop,
    ...each((i) => [...zero, ...set(accumulator(i))]),
    ...[...get(position), ...set(source), ...i32Const(COEFFICIENTS), ...set(coefficient)],
    ...loop,
    ...[...get(coefficient), ...load64Splat, ...set(weight)],
    ...each((i) => [
      ...[...get(source), ...load64Zero(SOURCES + 8 * i), ...f64x2Promote, ...get(weight), ...f64x2Multiply],
      ...[...get(accumulator(i)), ...f64x2Add, ...set(accumulator(i))],
    ]),
    ...[...get(source), ...i32Const(SLOT_BYTES), ...i32Add, ...set(source)],
    ...[...get(coefficient), ...i32Const(8), ...i32Add, ...set(coefficient)],
    ...[...get(coefficient), ...get(coefficientsEnd), ...i32LessThan, ...branchIf],
    ...end,
    ...each((i) => [
      ...[
        ...get(position),
        ...get(accumulator(i)),
        ...f32x4Demote,
        ...tee(result),
        ...store64Lane0(TARGET + 8 * i),
      ],
      ...[...get(result), ...zero, ...f32x4Multiply, ...get(flag), ...f32x4Add, ...set(flag)],
    ]),
    ...[...get(position), ...i32Const(4 * STEP), ...i32Add, ...set(position)],
    ...[...get(position), ...get(bytes), ...i32LessThan, ...branchIf],
    ...end,
    ...[...get(flag), ...get(flag), ...f32x4NotEqual, ...anyTrue],
    ...end,
  ];
}

/**
 * Assembles (func (param $bytes i32) (param $coefficientsEnd i32) (result f32)): the largest magnitude of the sums,
 * four lanes in each of four accumulators.
 */
function largestSumBody(): number[] {
  const [bytes, coefficientsEnd, position, source, coefficient, weight] = [0, 1, 2, 3, 4, 5];
  const vectors = STEP / 4;
  const sum = (i: number) => 6 + i;
  const largest = (i: number) => 6 + vectors + i;
  const each = (make: (i: number) => number[]) => Array.from({ length: vectors }, (_, i) => make(i)).flat();
  return [
    ...vector([
      [3, I32],
      [1 + 2 * vectors, V128],
    ]),
    ...loop,
    ...each((i) => [...zero, ...set(sum(i))]),
    ...[...get(position), ...set(source), ...i32Const(ROUNDED), ...set(coefficient)],
    ...loop,
    ...[...get(coefficient), ...load32Splat, ...set(weight)],
    ...each((i) => [
      ...[...get(source), ...load(SOURCES + 16 * i), ...get(weight), ...f32x4Multiply],
      ...[...get(sum(i)), ...f32x4Add, ...set(sum(i))],
    ]),
    ...[...get(source), ...i32Const(SLOT_BYTES), ...i32Add, ...set(source)],
    ...[...get(coefficient), ...i32Const(4), ...i32Add, ...tee(coefficient)],
    ...[...get(coefficientsEnd), ...i32LessThan, ...branchIf],
    ...end,
    ...each((i) => [...get(sum(i)), ...f32x4Absolute, ...get(largest(i)), ...f32x4Max, ...set(largest(i))]),
    ...[...get(position), ...i32Const(4 * STEP), ...i32Add, ...tee(position)],
    ...[...get(bytes), ...i32LessThan, ...branchIf],
    ...end,
    ...each((i) =>
      i === 0 ? [] : [...get(largest(0)), ...get(largest(i)), ...f32x4Max, ...set(largest(0))],
    ),
    ...[0, 1, 2, 3].flatMap((lane) => [...get(largest(0)), ...f32x4Lane(lane)]),
    ...[...f32Max, ...f32Max, ...f32Max],
    ...end,
  ];
}

function assemble(): Uint8Array {
  const name = (text: string) => vector([...text].map((letter) => [letter.charCodeAt(0)]));
  const section = (id: number, content: number[]) => [id, ...unsigned(content.length), ...content];
  const bodies = [combineBody(), largestSumBody()];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(
      1,
      vector([I32, F32].map((result) => [FUNCTION, ...vector([[I32], [I32]]), ...vector([[result]])])),
    ),
    ...section(3, vector([[0], [1]])),
    ...section(5, vector([[0x00, ...unsigned(PAGES)]])),
    ...section(
      7,
      vector([
        [...name('memory'), 0x02, 0],
        [...name('combine'), 0x00, 0],
        [...name('largestSum'), 0x00, 1],
      ]),
    ),
    ...section(10, vector(bodies.map((body) => [...unsigned(body.length), ...body]))),
  ]);
}

/** Encodes a WebAssembly vector: the count, then the items. */
function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

/** Encodes LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** Encodes signed LEB128, for values ≥ 0. */
function signed(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)];
}
