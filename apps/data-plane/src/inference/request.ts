/** Compares an `infer` call with the model, and returns its tensors. The same for HTTP and gRPC. */
import {
  ApiError,
  BYTES_PER_ELEMENT,
  decodeStrings,
  elementCount,
  InvalidStringError,
  isFiniteTensor,
  type Tensor,
  type TensorSpec,
  viewTensorData,
} from '@sparewheel/protocol';
import { tensorDataFromJson } from './json-tensor.ts';
import {
  DATATYPES,
  type InferenceRequest,
  type RequestedOutput,
  type SentInput,
  type SentRequest,
  type ServedModel,
} from './types.ts';

/**
 * Validates an `infer` call.
 * @param sent   its binary contents may become views of the feeds
 * @param model  the deployment, with its inputs and outputs
 * @throws {ApiError} 400: names the tensor and what is expected
 */
export function resolveRequest(sent: SentRequest, model: ServedModel): InferenceRequest {
  const feeds: Record<string, Tensor> = {};
  for (const input of sent.inputs) {
    const spec = model.inputs.find(({ name }) => name === input.name);
    if (spec === undefined) {
      throw badRequest('unknown-input', `the model has no input '${input.name}'`, expectedInputs(model));
    }
    if (Object.hasOwn(feeds, input.name)) {
      throw badRequest('duplicate-input', `input '${input.name}' is given twice`);
    }
    const dims = checkedDims(input, spec);
    feeds[input.name] =
      'bytes' in input.content
        ? tensorFromBytes(spec, dims, input.content.bytes)
        : {
            type: spec.type,
            dims,
            data: tensorDataFromJson(spec.name, spec.type, dims, input.content.values),
          };
  }
  for (const { name } of model.inputs) {
    if (!Object.hasOwn(feeds, name)) {
      throw badRequest('missing-input', `input '${name}' is missing`, expectedInputs(model));
    }
  }
  return { id: sent.id, feeds, outputs: requestedOutputs(sent, model) };
}

function checkedDims({ name, shape, datatype }: SentInput, spec: TensorSpec): readonly number[] {
  if (datatype !== DATATYPES[spec.type]) {
    throw badRequest('wrong-type', `input '${name}' is ${datatype}, expected ${DATATYPES[spec.type]}`);
  }
  const fits =
    shape.length === spec.dims.length &&
    shape.every((dim, axis) => spec.dims[axis] === -1 || spec.dims[axis] === dim);
  if (!fits) {
    throw badRequest(
      'wrong-shape',
      `input '${name}' has shape [${shape.join(', ')}], expected [${spec.dims.join(', ')}]`,
      shapeHint(spec),
    );
  }
  return shape;
}

function shapeHint({ dims, free }: TensorSpec): string | undefined {
  const fixed = free?.find((each) => each?.fixedBy !== undefined);
  if (fixed) return `${fixed.fixedBy} accepts only ${fixed.usual} in the dimension ${fixed.name}.`;
  return dims.includes(-1) ? 'A dimension of -1 accepts any size.' : undefined;
}

function tensorFromBytes({ name, type }: TensorSpec, dims: readonly number[], bytes: Uint8Array): Tensor {
  if (type === 'string') return stringTensor(name, dims, bytes);
  const expected = elementCount(dims) * BYTES_PER_ELEMENT[type];
  if (bytes.byteLength !== expected) {
    throw badRequest(
      'wrong-length',
      `input '${name}' has ${bytes.byteLength} bytes, but its shape [${dims.join(', ')}] needs ${expected}`,
    );
  }
  if (type === 'bool' && bytes.some((byte) => byte > 1)) {
    throw badRequest('wrong-value', `input '${name}' has a BOOL element other than 0 and 1`);
  }
  const tensor: Tensor = { type, dims, data: viewTensorData(type, bytes) };
  if (!isFiniteTensor(tensor)) {
    throw badRequest('not-finite', `input '${name}' has NaN or infinite elements`);
  }
  return tensor;
}

function stringTensor(name: string, dims: readonly number[], data: Uint8Array): Tensor {
  const expected = elementCount(dims);
  let elements: number;
  try {
    elements = decodeStrings(data).length;
  } catch (error) {
    if (!(error instanceof InvalidStringError)) throw error;
    throw badRequest(
      'wrong-value',
      `element ${error.element} of '${name}' ${error.problem}`,
      'Each BYTES element is its length in 4 bytes, little-endian, and then its text in UTF-8.',
    );
  }
  if (elements === expected) return { type: 'string', dims, data };
  throw badRequest(
    'wrong-length',
    `'${name}' has ${elements} elements, but its shape [${dims.join(', ')}] needs ${expected}`,
  );
}

function requestedOutputs(
  { outputs, binaryByDefault }: SentRequest,
  model: ServedModel,
): readonly RequestedOutput[] {
  if (outputs.length === 0) {
    return model.outputs.map(({ name }) => ({ name, binary: binaryByDefault, classes: null }));
  }
  const seen = new Set<string>();
  return outputs.map(({ name, binary = binaryByDefault, classes = null }) => {
    const spec = model.outputs.find((output) => output.name === name);
    if (spec === undefined) {
      const names = model.outputs.map((output) => `'${output.name}'`).join(', ');
      throw badRequest('unknown-output', `the model has no output '${name}'`, `Its outputs are ${names}.`);
    }
    if (seen.has(name)) throw badRequest('duplicate-output', `output '${name}' is requested twice`);
    seen.add(name);
    if (classes !== null && spec.type === 'string') {
      throw badRequest('wrong-type', `output '${name}' is BYTES, which has no highest values`);
    }
    return { name, binary, classes };
  });
}

function expectedInputs(model: ServedModel): string {
  const inputs = model.inputs.map(
    ({ name, type, dims }) => `'${name}' ${DATATYPES[type]} [${dims.join(', ')}]`,
  );
  return `Its inputs are ${inputs.join(', ')}.`;
}

function badRequest(code: string, message: string, hint?: string): ApiError {
  return new ApiError(400, code, message, hint);
}
