import type { TensorProfile } from '@sparewheel/planner';
import {
  type Answer,
  elementCount,
  fillsShape,
  isFiniteTensor,
  largestTensorBytes,
  storedElements,
  type Tensor,
  type TensorSpec,
} from '@sparewheel/protocol';
import { InvalidFeedsError } from '../errors.ts';
import type { CodedProgramStep, Program, ReplicatedProgramStep } from '../requests/program.ts';
import { sameDims } from './shape-memory.ts';

/**
 * Why an answer is invalid. The model itself can produce a value that is not finite, and a plan can expect a wrong shape.
 * Only a malformed answer is always the device's fault.
 */
export interface AnswerFault {
  readonly kind: 'malformed' | 'unexpected' | 'not-finite';
  readonly problem: string;
}

/**
 * Checks one shard's answer, except that its values are finite.
 * @param expected  the known answer shape for this feed shape; if undefined, only the divided axis is checked
 * @returns null if the answer is valid
 */
export function faultInShard(
  step: CodedProgramStep,
  answer: Answer,
  expected: readonly number[] | undefined,
): AnswerFault | null {
  const tensor = answer.tensors[0];
  if (tensor === undefined || answer.tensors.length !== 1) {
    return malformed(`step ${step.id}: expected 1 tensor, received ${answer.tensors.length}`);
  }
  const { type } = step.code;
  if (tensor.type !== type) {
    return malformed(`step ${step.id}: expected type ${type}, received ${tensor.type}`);
  }
  const { dims, data } = tensor;
  if (expected) {
    if (!sameDims(dims, expected)) {
      return malformed(`step ${step.id}: expected shape ${shapeText(expected)}, received ${shapeText(dims)}`);
    }
  } else {
    const { axis, height } = step.plan;
    const along = dims[axis < 0 ? dims.length + axis : axis];
    if (along !== height) {
      return malformed(
        `step ${step.id}: expected ${height} rows on axis ${axis}, received shape ${shapeText(dims)}`,
      );
    }
  }
  if (data.length !== elementCount(dims)) return malformed(lengthProblem(step.id, tensor));
  return null;
}

/**
 * Checks a replica's answer: the number of tensors, their types, shapes and lengths, and that values are finite, unless
 * the step is known to give others.
 */
export function faultInReplica(step: ReplicatedProgramStep, answer: Answer): AnswerFault | null {
  const required = step.names.fetches.length;
  if (answer.tensors.length !== required) {
    return malformed(`step ${step.id}: expected ${required} tensors, received ${answer.tensors.length}`);
  }
  for (const [index, tensor] of answer.tensors.entries()) {
    const known = step.fetchShapes[index];
    if (tensor.data.length !== elementCount(tensor.dims)) return malformed(lengthProblem(step.id, tensor));
    if (known && !fits(tensor, known)) {
      const [expected, received] = [known, tensor].map(({ type, dims }) => `${type} ${shapeText(dims)}`);
      const problem = `step ${step.id}: expected ${expected}, received ${received}`;
      return tensor.type === known.type ? { kind: 'unexpected', problem } : malformed(problem);
    }
  }
  for (const tensor of answer.tensors) {
    if (!step.learned.notFinite && !isFiniteTensor(tensor)) return notFinite(step.id);
  }
  return null;
}

function malformed(problem: string): AnswerFault & { readonly kind: 'malformed' } {
  return { kind: 'malformed', problem };
}

export function notFinite(step: string): AnswerFault & { readonly kind: 'not-finite' } {
  return { kind: 'not-finite', problem: `step ${step}: the answer contains NaN or infinity` };
}

function lengthProblem(step: string, { data, dims }: Tensor): string {
  return `step ${step}: received ${data.length} values for shape ${shapeText(dims)}`;
}

/**
 * Checks a request's feeds and fetches against the model's inputs and outputs.
 * @throws {InvalidFeedsError} a tensor is missing, unknown, or of another type, shape or length; or the sizes of several
 *   dimensions are too large together
 */
export function checkFeeds(
  program: Program,
  feeds: Readonly<Record<string, Tensor>>,
  fetches: readonly string[] | undefined,
): void {
  for (const { spec } of program.inputs) {
    const tensor = Object.hasOwn(feeds, spec.name) ? feeds[spec.name] : undefined;
    if (!tensor) {
      throw new InvalidFeedsError(spec.name, `missing; expected ${spec.type} ${shapeText(spec.dims)}`);
    }
    if (tensor.type !== spec.type) {
      throw new InvalidFeedsError(spec.name, `has type ${tensor.type}; expected ${spec.type}`);
    }
    if (!shapeFits(tensor.dims, spec.dims)) {
      throw new InvalidFeedsError(
        spec.name,
        `has shape [${tensor.dims.join(', ')}]; expected ${shapeText(spec.dims)}${fixedText(spec)}`,
      );
    }
    for (const [axis, free] of (spec.free ?? []).entries()) {
      const size = tensor.dims[axis]!;
      if (free === null || (size >= 1 && size <= free.max)) continue;
      // Kernels of ONNX Runtime can crash on empty tensors.
      if (size < 1) throw new InvalidFeedsError(spec.name, `is empty in its dimension ${free.name}`);
      throw new InvalidFeedsError(
        spec.name,
        `has the size ${size} in its dimension ${free.name}; the most is ${free.max}, and maxDims sets it at upload`,
      );
    }
    if (!fillsShape(tensor)) {
      throw new InvalidFeedsError(
        spec.name,
        `has ${storedElements(tensor)} values; its shape [${tensor.dims.join(', ')}] needs ${elementCount(tensor.dims)}`,
      );
    }
  }
  checkTogether(program, feeds);
  if (Object.keys(feeds).length !== program.inputs.length) {
    const known = program.inputs.map(({ spec }) => spec.name);
    const extra = Object.keys(feeds).find((name) => !known.includes(name));
    if (extra !== undefined) {
      throw new InvalidFeedsError(extra, `is not an input of the model; its inputs are ${known.join(', ')}`);
    }
  }
  for (const name of fetches ?? []) {
    if (program.outputs.some(({ spec }) => spec.name === name)) continue;
    const known = program.outputs.map(({ spec }) => spec.name).join(', ');
    throw new InvalidFeedsError(name, `is not an output of the model; its outputs are ${known}`);
  }
}

/** Bounds the memory of a request: each size may be allowed alone, and their product too large. */
function checkTogether({ plan, inputs }: Program, feeds: Readonly<Record<string, Tensor>>): void {
  const limit = plan.sizeLimit;
  if (!limit) return;
  const sizes = new Map<string, { readonly size: number; readonly growth: number }>();
  for (const { spec } of inputs) {
    for (const [axis, free] of (spec.free ?? []).entries()) {
      const size = feeds[spec.name]!.dims[axis]!;
      if (free !== null) sizes.set(free.name, { size, growth: size / free.usual });
    }
  }
  const growth = limit.groups.map((names) => Math.max(...names.map((name) => sizes.get(name)?.growth ?? 1)));
  const bytes = largestTensorBytes(limit, growth);
  // Powers are measured, so the largest size of one dimension alone may exceed the limit by a rounding error.
  if (bytes <= 1.001 * limit.mostBytes) return;
  const list = [...sizes].map(([name, { size }]) => `${name} ${size}`).join(', ');
  const megabytes = (count: number) => `${Math.ceil(count / 1e6)} MB`;
  throw new InvalidFeedsError(
    inputs.find(({ spec }) => spec.free?.some((free) => free !== null))!.spec.name,
    `has sizes that are too large together: with ${list}, a tensor of the model has about ${megabytes(bytes)}; the most is ${megabytes(limit.mostBytes)}`,
  );
}

/** Returns whether a tensor has the type and shape of the model's profile. */
export function fits(tensor: Tensor, known: TensorProfile): boolean {
  return tensor.type === known.type && shapeFits(tensor.dims, known.dims);
}

/** A declared size of -1 accepts any size. */
function shapeFits(dims: readonly number[], declared: readonly number[]): boolean {
  if (dims.length !== declared.length) return false;
  for (let i = 0; i < dims.length; i++) {
    const size = dims[i]!;
    if (!Number.isSafeInteger(size) || size < 0) return false;
    if (declared[i] !== -1 && declared[i] !== size) return false;
  }
  return true;
}

/** Returns which nodes fix dimensions that the model declares as free, as the end of a sentence. */
function fixedText({ free = [] }: TensorSpec): string {
  const fixed = free.flatMap((each) =>
    each?.fixedBy ? `, because ${each.fixedBy} accepts only ${each.usual} in the dimension ${each.name}` : [],
  );
  return fixed.join('');
}

function shapeText(dims: readonly number[]): string {
  return `[${dims.map((dim) => (dim < 0 ? 'any' : dim)).join(', ')}]`;
}
