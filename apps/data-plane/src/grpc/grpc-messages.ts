/** Converts between the messages of gRPC and the calls that HTTP and gRPC share. */
import { ApiError, joinStrings, LIMITS } from '@sparewheel/protocol';
import { outputBytes, outputTensors } from '../inference/output-tensors.ts';
import {
  type InferenceRequest,
  type InferenceResult,
  MODEL_VERSION,
  type SentInput,
  type SentRequest,
} from '../inference/types.ts';

export interface InferParameter {
  readonly parameter_choice?: string;
  readonly [choice: string]: unknown;
}
type Parameters = Readonly<Record<string, InferParameter>>;

type Contents = Readonly<Record<string, readonly unknown[]>>;

/** As proto-loader decodes it: 64-bit integers are texts, absent messages are null, absent lists are empty. */
export interface ModelInferRequest {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly string[];
    readonly parameters: Parameters;
    readonly contents: Contents | null;
  }[];
  readonly outputs: readonly { readonly name: string; readonly parameters: Parameters }[];
  readonly raw_input_contents: readonly Uint8Array[];
}
type InferInput = ModelInferRequest['inputs'][number];

export interface ModelInferResponse {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters: Readonly<Record<string, InferParameter>>;
  readonly outputs: readonly { name: string; datatype: string; shape: readonly number[] }[];
  readonly raw_output_contents: readonly Uint8Array[];
}

/** The field of InferTensorContents for each datatype. FP16 and BF16 have none. */
const CONTENTS: Readonly<Record<string, string>> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
};

/**
 * Reads a ModelInferRequest.
 * @throws {ApiError} 400: names the tensor
 */
export function readInferRequest(request: ModelInferRequest): SentRequest {
  const { inputs, outputs, raw_input_contents: raw } = request;
  for (const [what, tensors] of Object.entries({ inputs, outputs })) {
    if (tensors.length <= LIMITS.tensorsPerFrame) continue;
    throw badRequest('invalid-request', `more than ${LIMITS.tensorsPerFrame} ${what}`);
  }
  if (raw.length > 0 && raw.length !== inputs.length) {
    throw badRequest(
      'wrong-length',
      `raw_input_contents has ${raw.length} entries for ${inputs.length} inputs`,
      'Send one entry for each input, or none and use contents.',
    );
  }
  for (const { name, parameters } of [...inputs, ...outputs]) {
    if (parameters.shared_memory_region === undefined) continue;
    throw badRequest('not-supported', `'${name}' uses shared memory, which is not supported`);
  }
  return {
    id: request.id === '' ? null : request.id,
    inputs: inputs.map((input, at) => ({
      name: input.name,
      datatype: input.datatype,
      shape: input.shape.map(Number),
      content: raw.length > 0 ? rawContent(input, raw[at]!) : typedContent(input),
    })),
    outputs: outputs.map(({ name, parameters }) => ({ name, classes: classesOf(name, parameters) })),
    binaryByDefault: true,
  };
}

function rawContent({ name, contents }: InferInput, bytes: Uint8Array): SentInput['content'] {
  if (contents !== null && Object.values(contents).some((values) => values.length > 0)) {
    throw badRequest('two-forms', `input '${name}' has both contents and raw_input_contents`);
  }
  return { bytes };
}

function typedContent({ name, datatype, contents }: InferInput): SentInput['content'] {
  const field = CONTENTS[datatype];
  for (const [other, values] of Object.entries(contents ?? {})) {
    if (other === field || values.length === 0) continue;
    const hint = field === undefined ? 'Use raw_input_contents.' : `Use ${field} or raw_input_contents.`;
    throw badRequest('wrong-type', `input '${name}' is ${datatype}, but has ${other}`, hint);
  }
  const values = (field === undefined ? undefined : contents?.[field]) ?? [];
  if (datatype === 'BYTES') return { bytes: joinStrings(values as Uint8Array[]) };
  const is64 = field === 'int64_contents' || field === 'uint64_contents';
  return { values: is64 ? (values as string[]).map(BigInt) : values };
}

function classesOf(name: string, { classification }: Parameters): number | undefined {
  if (classification === undefined) return undefined;
  const classes = Number(classification[classification.parameter_choice ?? '']);
  const numeric = ['int64_param', 'uint64_param'].includes(classification.parameter_choice ?? '');
  if (numeric && Number.isSafeInteger(classes) && classes > 0) return classes;
  throw badRequest(
    'invalid-request',
    `the parameter classification of '${name}' is not an integer of at least 1`,
  );
}

/** Writes a ModelInferResponse. All tensors are in `raw_output_contents`, as Triton writes them. */
export function writeInferResponse(
  model: string,
  request: InferenceRequest,
  result: InferenceResult,
): ModelInferResponse {
  const outputs = outputTensors(request, result);
  return {
    model_name: model,
    model_version: MODEL_VERSION,
    id: request.id ?? '',
    parameters: {
      recovered: { int64_param: result.recovered },
      rescued: { int64_param: result.rescued },
      latency_ms: { double_param: result.latencyMs },
    },
    outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    raw_output_contents: outputs.map(outputBytes),
  };
}

function badRequest(code: string, message: string, hint?: string): ApiError {
  return new ApiError(400, code, message, hint);
}
