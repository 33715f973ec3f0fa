import { ApiError, bytesOf, isFiniteTensor, type Tensor } from '@sparewheel/protocol';
import { tensorDataToJson } from './json-tensor.ts';
import { DATATYPES, type InferenceRequest, type InferenceResult, MODEL_VERSION } from './types.ts';

/** Binary tensors start at multiples of this in the body, so that a client can view them in place. */
const ALIGNMENT = 8;

export interface InferenceResponse {
  readonly body: string | Buffer;
  /** Bytes of the JSON part where binary tensors follow it, else null. */
  readonly headerLength: number | null;
}

/**
 * Writes the response to an `infer` call. The JSON is put together by hand: data arrays are its bulk, and
 * 64-bit integers have no JSON.stringify.
 * @throws {ApiError} 500 where an output in JSON form is not finite
 */
export function writeInferenceResponse(
  model: string,
  request: InferenceRequest,
  result: InferenceResult,
): InferenceResponse {
  const binaries: Uint8Array[] = [];
  const outputs = request.outputs.map(({ name, binary }) => {
    const tensor = result.outputs[name];
    if (tensor === undefined) throw new Error(`the coordinator gave no output '${name}'`);
    const head = `{"name":${JSON.stringify(name)},"datatype":"${DATATYPES[tensor.type]}","shape":[${tensor.dims.join(',')}]`;
    if (!binary) return `${head},"data":${finiteJson(name, tensor)}}`;
    const bytes = bytesOf(tensor.data);
    binaries.push(bytes);
    return `${head},"parameters":{"binary_data_size":${bytes.byteLength}}}`;
  });
  const id = request.id === null ? '' : `"id":${JSON.stringify(request.id)},`;
  const latency = Math.round(result.latencyMs * 1000) / 1000;
  const json =
    `{"model_name":${JSON.stringify(model)},"model_version":"${MODEL_VERSION}",${id}` +
    `"parameters":{"recovered":${result.recovered},"rescued":${result.rescued},"latency_ms":${latency}},` +
    `"outputs":[${outputs.join(',')}]}`;
  if (binaries.length === 0) return { body: json, headerLength: null };
  const length = Buffer.byteLength(json);
  const padding = (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT;
  const header = Buffer.from(json + ' '.repeat(padding));
  return { body: Buffer.concat([header, ...binaries]), headerLength: header.byteLength };
}

function finiteJson(name: string, tensor: Tensor): string {
  if (!isFiniteTensor(tensor)) {
    throw new ApiError(
      500,
      'not-finite',
      `output '${name}' has NaN or infinite elements, which JSON cannot hold`,
      'Ask for it in binary: "outputs": [{ "name": …, "parameters": { "binary_data": true } }].',
    );
  }
  return tensorDataToJson(tensor);
}
