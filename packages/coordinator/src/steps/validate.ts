import type { TensorProfile } from '@sparewheel/planner';
import {
  type Answer,
  containsNonFinite,
  elementCount,
  isFiniteTensor,
  type Tensor,
} from '@sparewheel/protocol';
import { InvalidFeedsError } from '../errors.ts';
import type { CodedProgramStep, Program, ReplicatedProgramStep } from '../requests/program.ts';
import { sameDims } from './shape-memory.ts';

/** What is wrong with an answer. A value that is not finite may be the model's own doing; the rest never is. */
export type AnswerFault = { readonly kind: 'malformed' | 'not-finite'; readonly problem: string };

/**
 * Checks one shard's answer.
 * @param expected  the shape that is known for this feed; where it is not, only the divided axis is checked
 * @returns null where the answer is well-formed
 */
export function faultInShard(
  step: CodedProgramStep,
  answer: Answer,
  expected: readonly number[] | undefined,
): AnswerFault | null {
  const tensor = answer.tensors[0];
  if (tensor === undefined || answer.tensors.length !== 1) {
    return malformed(`${answer.tensors.length} tensors where step ${step.id} has one output`);
  }
  if (tensor.type !== 'float32') return malformed(`${tensor.type} where step ${step.id} gives float32`);
  const { dims, data } = tensor;
  if (expected) {
    if (!sameDims(dims, expected)) {
      return malformed(`shape [${dims.join(', ')}] where step ${step.id} gives [${expected.join(', ')}]`);
    }
  } else {
    const { axis, height } = step.plan;
    const along = dims[axis < 0 ? dims.length + axis : axis];
    if (along !== height) {
      return malformed(`shape [${dims.join(', ')}] where axis ${axis} of step ${step.id} has ${height} rows`);
    }
  }
  if (data.length !== elementCount(dims)) {
    return malformed(`${data.length} values for shape [${dims.join(', ')}]`);
  }
  if (containsNonFinite(data as Float32Array)) {
    return { kind: 'not-finite', problem: `NaN or an infinity in the answer to step ${step.id}` };
  }
  return null;
}

/** Checks a replica's answer: its number of tensors, their types, shapes and lengths, finite values. */
export function faultInReplica(step: ReplicatedProgramStep, answer: Answer): AnswerFault | null {
  const wanted = step.names.fetches.length;
  if (answer.tensors.length !== wanted) {
    return malformed(`${answer.tensors.length} tensors where step ${step.id} has ${wanted} outputs`);
  }
  for (const [index, tensor] of answer.tensors.entries()) {
    const known = step.fetchShapes[index];
    if (known && !fits(tensor, known)) {
      return malformed(
        `${tensor.type} [${tensor.dims.join(', ')}] where step ${step.id} gives ${known.type} ${shapeText(known.dims)}`,
      );
    }
    if (tensor.data.length !== elementCount(tensor.dims)) {
      return malformed(`${tensor.data.length} values for shape [${tensor.dims.join(', ')}]`);
    }
    if (!isFiniteTensor(tensor)) {
      return { kind: 'not-finite', problem: `NaN or an infinity in the answer to step ${step.id}` };
    }
  }
  return null;
}

function malformed(problem: string): AnswerFault {
  return { kind: 'malformed', problem };
}

/**
 * Checks a request's feeds and fetches against what the model declares.
 * @throws {InvalidFeedsError} a tensor that is missing, unknown, or of another type, shape or length
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
        `has shape [${tensor.dims.join(', ')}]; expected ${shapeText(spec.dims)}`,
      );
    }
    const count = elementCount(tensor.dims);
    if (tensor.data.length !== count) {
      throw new InvalidFeedsError(
        spec.name,
        `has ${tensor.data.length} values; its shape [${tensor.dims.join(', ')}] needs ${count}`,
      );
    }
  }
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

/** Whether a tensor is of the type and shape that the model's profile says. */
export function fits(tensor: Tensor, known: TensorProfile): boolean {
  return tensor.type === known.type && shapeFits(tensor.dims, known.dims);
}

/** Sizes are whole and not negative, and a declared size of -1 takes any. */
function shapeFits(dims: readonly number[], declared: readonly number[]): boolean {
  if (dims.length !== declared.length) return false;
  for (let i = 0; i < dims.length; i++) {
    const size = dims[i]!;
    if (!Number.isSafeInteger(size) || size < 0) return false;
    if (declared[i] !== -1 && declared[i] !== size) return false;
  }
  return true;
}

function shapeText(dims: readonly number[]): string {
  return `[${dims.map((dim) => (dim < 0 ? 'any' : dim)).join(', ')}]`;
}
