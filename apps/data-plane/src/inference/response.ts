import { outputBytes, outputJson, outputTensors } from './output-tensors.ts';
import { type InferenceRequest, type InferenceResult, MODEL_VERSION } from './types.ts';

/** The binary part starts at a multiple of this, so that clients can view its tensors without a copy. */
const ALIGNMENT = 8;

export interface InferenceResponse {
  readonly body: string | Buffer;
  /** Bytes of the JSON part if binary tensors follow it, otherwise null. */
  readonly headerLength: number | null;
}

/**
 * Writes the response to an `infer` call. Concatenates the JSON by hand, because JSON.stringify does not
 * support 64-bit integers.
 * @throws {ApiError} 500: an output in JSON form has NaN or infinite elements
 */
export function writeInferenceResponse(
  model: string,
  request: InferenceRequest,
  result: InferenceResult,
): InferenceResponse {
  const binaries: Uint8Array[] = [];
  const outputs = outputTensors(request, result).map((output) => {
    const { name, datatype, shape, binary } = output;
    const head = `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(',')}]`;
    if (!binary) return `${head},"data":${outputJson(output)}}`;
    const bytes = outputBytes(output);
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
