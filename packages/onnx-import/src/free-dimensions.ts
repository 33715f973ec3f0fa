import { dataTypeSize, type ValueInfo } from '@sparewheel/onnx';
import {
  elementCount,
  type FreeDimension,
  type GrowingTensor,
  LIMITS,
  largestTensorBytes,
  type SizeLimit,
} from '@sparewheel/protocol';

/** Sizes of free dimensions, by name. */
export type Sizes = Readonly<Record<string, number>>;

/** What a trial with several sizes says about a model with free dimensions. Empty if it has none. */
export interface FreeShapes {
  /** By input with a free dimension, and by axis. */
  readonly inputs: Readonly<Record<string, readonly (FreeDimension | null)[]>>;
  /** By tensor with a free dimension: its shape at the usual sizes. */
  readonly usual: Readonly<Record<string, readonly number[]>>;
  /** Absent if the model has fewer than two dimensions that grow independently. */
  readonly limit?: SizeLimit;
}

/** A dimension that no other size runs with. */
export interface FixedDimension {
  readonly size: number;
  /** The node that fails with another size: "Reshape "r"". */
  readonly by: string;
}

/** Returns the name of a free dimension without one. */
export function unnamed(input: string, axis: number): string {
  return `${input}.${axis}`;
}

/** Usual sizes of a free dimension that is not the batch, in the order of trial. */
const IMAGE_SIZES = [224, 64, 32, 512];
const OTHER_SIZES = [16, 128, 1024, 16_000];
const BATCH = /batch|^n$|^b$/i;
const NOT_BATCH = /seq|len|time|step|frame|token|height|width|sample/i;

/**
 * Returns the sizes to try, the most usual first: 1 for a batch, a picture's size for an image, a short length
 * otherwise.
 * @param inputs  with free dimensions as names
 * @param hints  sizes that the user has given, by name
 * @param maxDims  the largest sizes, by name
 */
export function usualSizes(inputs: readonly ValueInfo[], hints: Sizes, maxDims: Sizes): Sizes[] {
  const choices = new Map<string, readonly number[]>();
  for (const { dims } of shapesOf(inputs)) {
    for (const [axis, name] of dims.entries()) {
      if (typeof name !== 'string' || choices.has(name)) continue;
      const hint = Object.hasOwn(hints, name) ? hints[name] : undefined;
      if (hint !== undefined) choices.set(name, [hint]);
      else if (BATCH.test(name) || (axis === 0 && !NOT_BATCH.test(name))) choices.set(name, [1]);
      else choices.set(name, dims.length === 4 ? IMAGE_SIZES : OTHER_SIZES);
    }
  }
  const limited = [...choices].map(([name, sizes]) => {
    const most = Object.hasOwn(maxDims, name) ? maxDims[name]! : Number.POSITIVE_INFINITY;
    return [name, sizes.map((size) => Math.min(size, most))] as const;
  });
  const tries = Math.max(...limited.map(([, sizes]) => sizes.length));
  const alike = Array.from({ length: tries }, (_, at) =>
    Object.fromEntries(limited.map(([name, sizes]) => [name, sizes[at] ?? sizes.at(-1)!])),
  );
  return [...alike, ...combinations(limited)];
}

/** Other combinations are tried if the model runs with no equal sizes: a batch can have any place and name. */
const MOST_COMBINATIONS = 40;

function combinations(choices: readonly (readonly [string, readonly number[]])[]): Sizes[] {
  let made: Sizes[] = [{}];
  for (const [name, sizes] of choices) {
    const options = sizes.length === 1 ? sizes : [1, ...sizes];
    made = options.flatMap((size) => made.map((each) => ({ ...each, [name]: size })));
    if (made.length > MOST_COMBINATIONS) return [];
  }
  return made;
}

/** Returns the names of the free dimensions of a model's inputs. */
export function freeNames(inputs: readonly ValueInfo[]): string[] {
  const names = shapesOf(inputs).flatMap(({ dims }) => dims.filter((dim) => typeof dim === 'string'));
  return [...new Set(names)];
}

/** Returns the shape of an input at the given sizes. */
export function shapeAt({ type }: ValueInfo, sizes: Sizes): number[] {
  const dims = type?.kind === 'tensor' ? (type.dims ?? []) : [];
  return dims.map((dim) => (typeof dim === 'number' ? dim : sizes[dim!]!));
}

/** The shapes of all tensors of one run, by name. */
export type RunShapes = ReadonlyMap<string, RunShape>;

export interface RunShape {
  readonly dataType: number;
  readonly dims: readonly number[];
}

/** No size is larger by default. */
const LARGEST_SIZE = 65_536;
/** A frame also has a header. */
const LARGEST_TENSOR_BYTES = 0.95 * LIMITS.frameBytes;

/**
 * Returns the largest size of a dimension with which every tensor of the model still fits into a frame, if all other
 * dimensions have their usual sizes. Tensors are assumed to grow by a power of the size.
 * @param size  the usual size of the dimension
 * @param usual  the shapes at that size
 * @param grown  the shapes at `factor` times that size
 */
export function largestSize(size: number, usual: RunShapes, grown: RunShapes, factor: number): number {
  let largest = LARGEST_SIZE;
  for (const [name, { dataType, dims }] of usual) {
    const [before, after] = [elementCount(dims), elementCount(grown.get(name)?.dims ?? dims)];
    if (after <= before || before === 0) continue;
    const power = Math.log(after / before) / Math.log(factor);
    const bytes = before * (dataTypeSize(dataType) ?? 1);
    largest = Math.min(largest, size * (LARGEST_TENSOR_BYTES / bytes) ** (1 / power));
  }
  return Math.max(size, Math.floor(largest));
}

/** Free dimensions that can only grow together, and the shapes of a run with `factor` times their usual sizes. */
export interface GrownGroup {
  readonly dimensions: readonly Omit<FreeDimension, 'fixedBy'>[];
  readonly grown: RunShapes;
  /** In that run, the dimensions of the other groups were larger, too. */
  readonly withOthers: boolean;
}

/**
 * Returns the limit for the sizes of several groups together: no tensor may become larger than a frame, or than at the
 * largest size of one group alone.
 * @param usual  the shapes at the usual sizes
 */
export function limitTogether(
  usual: RunShapes,
  groups: readonly GrownGroup[],
  factor: number,
): SizeLimit | undefined {
  if (groups.length < 2) return undefined;
  const tensors = new Map<string, GrowingTensor>();
  for (const [name, { dataType, dims }] of usual) {
    const before = elementCount(dims);
    const measured = groups.map(({ grown }) => {
      const after = elementCount(grown.get(name)?.dims ?? dims);
      return before === 0 ? 0 : Math.max(0, Math.log(after / before) / Math.log(factor));
    });
    const alone = groups.reduce((sum, { withOthers }, at) => sum + (withOthers ? 0 : measured[at]!), 0);
    const powers = groups.map(({ withOthers }, at) =>
      withOthers ? Math.max(0, measured[at]! - alone) : measured[at]!,
    );
    const key = powers.map((power) => power.toFixed(2)).join();
    const bytes = before * (dataTypeSize(dataType) ?? 1);
    if (powers.some((power) => power > 0) && bytes > (tensors.get(key)?.bytes ?? 0)) {
      tensors.set(key, { bytes, powers });
    }
  }
  const growing = [...tensors.values()];
  const largest = groups.map(({ dimensions }, at) => {
    const most = Math.max(...dimensions.map((each) => each.max / each.usual));
    return largestTensorBytes(
      { tensors: growing },
      groups.map((_, group) => (group === at ? most : 1)),
    );
  });
  return {
    groups: groups.map(({ dimensions }) => dimensions.map(({ name }) => name)),
    tensors: growing,
    mostBytes: Math.max(LARGEST_TENSOR_BYTES, ...largest),
  };
}

function shapesOf(inputs: readonly ValueInfo[]) {
  return inputs.flatMap(({ name, type }) =>
    type?.kind === 'tensor' && type.dims ? [{ name, dims: type.dims }] : [],
  );
}
