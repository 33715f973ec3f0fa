/**
 * Reads the body of an `infer` call over HTTP, in JSON or with the binary tensor extension.
 * https://github.com/kserve/open-inference-protocol and Triton's extension_binary_data.md
 */
import { ApiError, LIMITS } from '@sparewheel/protocol';
import { z } from 'zod';
import type { SentInput, SentRequest } from './types.ts';

/** Parameters that clients may add: the protocol leaves them open. Those that change the answer must be known. */
const REFUSED_PARAMETERS: Readonly<Record<string, string>> = {
  shared_memory_region: 'shared memory',
};
const size = z.number().int().nonnegative();
const requestSchema = z.strictObject({
  id: z.string().max(256).optional(),
  // KServe's client repeats the name.
  model_name: z.string().optional(),
  parameters: z.looseObject({ binary_data_output: z.boolean().optional() }).optional(),
  inputs: z
    .array(
      z.strictObject({
        name: z.string(),
        shape: z.array(size).max(LIMITS.tensorRank),
        datatype: z.string(),
        parameters: z.looseObject({ binary_data_size: size.optional() }).optional(),
        // Checked per element against the data type later. zod would iterate over it a second time.
        data: z.unknown().optional(),
      }),
    )
    .max(LIMITS.tensorsPerFrame),
  outputs: z
    .array(
      z.strictObject({
        name: z.string(),
        parameters: z
          .looseObject({
            binary_data: z.boolean().optional(),
            classification: z.number().int().positive().optional(),
          })
          .optional(),
      }),
    )
    .max(LIMITS.tensorsPerFrame)
    .optional(),
});
type Body = z.infer<typeof requestSchema>;
type InputBody = Body['inputs'][number];

/**
 * Reads the body of an `infer` call.
 * @param json    its JSON part
 * @param binary  the binary tensors after it, in the order of the inputs; the contents are views of it
 * @param name    the deployment in the path
 * @throws {ApiError} 400: names the field or the tensor
 */
export function readJsonRequest(json: string, binary: Uint8Array, name: string): SentRequest {
  const { id = null, model_name: named = name, inputs, outputs = [], parameters } = parseBody(json);
  if (named !== name) {
    throw badRequest('wrong-model', `the path names '${name}', but the field model_name is '${named}'`);
  }
  for (const tensor of [...inputs, ...outputs]) {
    for (const [parameter, what] of Object.entries(REFUSED_PARAMETERS)) {
      if (tensor.parameters?.[parameter] === undefined) continue;
      throw badRequest('not-supported', `'${tensor.name}' uses ${what}, which is not supported`);
    }
  }
  let at = 0;
  const sent = inputs.map((input): SentInput => {
    const bytes = input.parameters?.binary_data_size;
    if (bytes === undefined) return { ...described(input), content: { values: valuesOf(input) } };
    const content = { bytes: bytesOf(input, bytes, binary.subarray(at, at + bytes)) };
    at += bytes;
    return { ...described(input), content };
  });
  if (at !== binary.byteLength) {
    throw badRequest(
      'wrong-length',
      `${binary.byteLength - at} bytes follow the last binary tensor`,
      'binary_data_size of the inputs must add up to the bytes after the JSON part.',
    );
  }
  return {
    id,
    inputs: sent,
    outputs: outputs.map((output) => ({
      name: output.name,
      binary: output.parameters?.binary_data,
      classes: output.parameters?.classification,
    })),
    binaryByDefault: parameters?.binary_data_output ?? false,
  };
}

function parseBody(json: string): Body {
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
  const parsed = requestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    throw badRequest('invalid-request', `the field '${[...issue.path, issue.keys[0]].join('.')}' is unknown`);
  }
  throw badRequest(
    'invalid-request',
    `${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}`,
    'Expected { "inputs": [{ "name", "shape", "datatype", "data" }] }.',
  );
}

function described({ name, datatype, shape }: InputBody): Omit<SentInput, 'content'> {
  return { name, datatype, shape };
}

function valuesOf({ name, data }: InputBody): unknown {
  if (data !== undefined) return data;
  throw badRequest('missing-data', `input '${name}' has neither data nor parameters.binary_data_size`);
}

function bytesOf({ name, data }: InputBody, size: number, bytes: Uint8Array): Uint8Array {
  if (data !== undefined) {
    throw badRequest('two-forms', `input '${name}' has both data and parameters.binary_data_size`);
  }
  if (bytes.byteLength === size) return bytes;
  throw badRequest(
    'wrong-length',
    `the body is ${size - bytes.byteLength} bytes too short for input '${name}'`,
    'Inference-Header-Content-Length must be the length of the JSON part in bytes.',
  );
}

function badRequest(code: string, message: string, hint?: string): ApiError {
  return new ApiError(400, code, message, hint);
}
