/**
 * Parses an `infer` call of the Open Inference Protocol v2, in JSON or with the binary tensor extension.
 * https://github.com/kserve/open-inference-protocol and Triton's extension_binary_data.md
 */
import {
  ApiError,
  BYTES_PER_ELEMENT,
  elementCount,
  isFiniteTensor,
  LIMITS,
  type Tensor,
  type TensorSpec,
  viewTensorData,
} from '@sparewheel/protocol';
import { z } from 'zod';
import { tensorDataFromJson } from './json-tensor.ts';
import { DATATYPES, type InferenceRequest, type RequestedOutput, type ServedModel } from './types.ts';

const headerSchema = z.object({
  id: z.string().max(256).optional(),
  parameters: z.object({ binary_data_output: z.boolean().optional() }).optional(),
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.number().int().nonnegative()).max(LIMITS.tensorRank),
        datatype: z.string(),
        parameters: z.object({ binary_data_size: z.number().int().nonnegative().optional() }).optional(),
        // Checked per element against the data type later. zod would iterate over it a second time.
        data: z.unknown().optional(),
      }),
    )
    .max(LIMITS.tensorsPerFrame),
  outputs: z
    .array(
      z.object({
        name: z.string(),
        parameters: z.object({ binary_data: z.boolean().optional() }).optional(),
      }),
    )
    .max(LIMITS.tensorsPerFrame)
    .optional(),
});
type Header = z.infer<typeof headerSchema>;
type InputHeader = Header['inputs'][number];

/**
 * Parses and validates an `infer` call.
 * @param json    the JSON part of the body
 * @param binary  the binary tensors after it, in the order of the inputs; the feeds are views of it if
 *   aligned
 * @param model   the deployment, with its inputs and outputs
 * @throws {ApiError} 400: names the tensor and what is expected
 */
export function parseInferenceRequest(
  json: string,
  binary: Uint8Array,
  model: ServedModel,
): InferenceRequest {
  const header = parseHeader(json);
  const feeds: Record<string, Tensor> = {};
  let at = 0;
  for (const input of header.inputs) {
    const spec = model.inputs.find(({ name }) => name === input.name);
    if (spec === undefined) {
      throw badRequest('unknown-input', `the model has no input '${input.name}'`, expectedInputs(model));
    }
    if (Object.hasOwn(feeds, input.name)) {
      throw badRequest('duplicate-input', `input '${input.name}' is given twice`);
    }
    const dims = checkedDims(input, spec);
    const size = input.parameters?.binary_data_size;
    if (size === undefined) {
      feeds[input.name] = tensorFromJson(input, spec, dims);
    } else {
      feeds[input.name] = tensorFromBinary(input, spec, dims, size, binary.subarray(at, at + size));
      at += size;
    }
  }
  for (const { name } of model.inputs) {
    if (!Object.hasOwn(feeds, name)) {
      throw badRequest('missing-input', `input '${name}' is missing`, expectedInputs(model));
    }
  }
  if (at !== binary.byteLength) {
    throw badRequest(
      'wrong-length',
      `${binary.byteLength - at} bytes follow the last binary tensor`,
      'binary_data_size of the inputs must add up to the bytes after the JSON part.',
    );
  }
  return { id: header.id ?? null, feeds, outputs: requestedOutputs(header, model) };
}

function parseHeader(json: string): Header {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw badRequest(
      'invalid-json',
      `the body is not JSON: ${(error as Error).message}`,
      'A body with binary tensors needs the header Inference-Header-Content-Length: the length of its JSON part.',
    );
  }
  const parsed = headerSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw badRequest(
    'invalid-request',
    `${issue?.path.join('.') ?? 'body'}: ${issue?.message ?? 'invalid'}`,
    'Expected { "inputs": [{ "name", "shape", "datatype", "data" }] }.',
  );
}

function checkedDims(input: InputHeader, spec: TensorSpec): readonly number[] {
  const { name, shape, datatype } = input;
  if (datatype !== DATATYPES[spec.type]) {
    throw badRequest('wrong-type', `input '${name}' is ${datatype}, expected ${DATATYPES[spec.type]}`);
  }
  const fits =
    shape.length === spec.dims.length &&
    shape.every((dim, axis) => dim >= 1 && (spec.dims[axis] === -1 || spec.dims[axis] === dim));
  if (!fits) {
    throw badRequest(
      'wrong-shape',
      `input '${name}' has shape [${shape.join(', ')}], expected [${spec.dims.join(', ')}]`,
      spec.dims.includes(-1) ? 'A dimension of -1 accepts any size of at least 1.' : undefined,
    );
  }
  return shape;
}

function tensorFromJson(input: InputHeader, spec: TensorSpec, dims: readonly number[]): Tensor {
  if (input.data === undefined) {
    throw badRequest(
      'missing-data',
      `input '${input.name}' has neither data nor parameters.binary_data_size`,
    );
  }
  return { type: spec.type, dims, data: tensorDataFromJson(input.name, spec.type, dims, input.data) };
}

function tensorFromBinary(
  input: InputHeader,
  spec: TensorSpec,
  dims: readonly number[],
  size: number,
  bytes: Uint8Array,
): Tensor {
  const expected = elementCount(dims) * BYTES_PER_ELEMENT[spec.type];
  if (input.data !== undefined) {
    throw badRequest('two-forms', `input '${input.name}' has both data and parameters.binary_data_size`);
  }
  if (size !== expected) {
    throw badRequest(
      'wrong-length',
      `input '${input.name}' has ${size} bytes, but its shape [${dims.join(', ')}] needs ${expected}`,
    );
  }
  if (bytes.byteLength !== size) {
    throw badRequest(
      'wrong-length',
      `the body is ${size - bytes.byteLength} bytes too short for input '${input.name}'`,
      'Inference-Header-Content-Length must be the length of the JSON part in bytes.',
    );
  }
  if (spec.type === 'bool' && bytes.some((byte) => byte > 1)) {
    throw badRequest('wrong-value', `input '${input.name}' has a BOOL element other than 0 and 1`);
  }
  const tensor: Tensor = { type: spec.type, dims, data: viewTensorData(spec.type, bytes) };
  if (!isFiniteTensor(tensor)) {
    throw badRequest('not-finite', `input '${input.name}' has NaN or infinite elements`);
  }
  return tensor;
}

function requestedOutputs(header: Header, model: ServedModel): readonly RequestedOutput[] {
  const binaryByDefault = header.parameters?.binary_data_output ?? false;
  if (header.outputs === undefined || header.outputs.length === 0) {
    return model.outputs.map(({ name }) => ({ name, binary: binaryByDefault }));
  }
  const seen = new Set<string>();
  return header.outputs.map(({ name, parameters }) => {
    if (!model.outputs.some((output) => output.name === name)) {
      const names = model.outputs.map((output) => `'${output.name}'`).join(', ');
      throw badRequest('unknown-output', `the model has no output '${name}'`, `Its outputs are ${names}.`);
    }
    if (seen.has(name)) throw badRequest('duplicate-output', `output '${name}' is requested twice`);
    seen.add(name);
    return { name, binary: parameters?.binary_data ?? binaryByDefault };
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
