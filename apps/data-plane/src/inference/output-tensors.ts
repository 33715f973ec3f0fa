/** The outputs of a response, in the forms of HTTP and gRPC: JSON, or bytes as in the binary tensor extension. */
import {
  ApiError,
  bytesOf,
  decodeStrings,
  encodeStrings,
  isFiniteTensor,
  type Tensor,
} from '@sparewheel/protocol';
import { topClasses } from './classification.ts';
import { tensorDataToJson } from './json-tensor.ts';
import { DATATYPES, type InferenceRequest, type InferenceResult } from './types.ts';

export interface OutputTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly binary: boolean;
  /** Strings for the datatype BYTES. */
  readonly content: Tensor | readonly string[];
}

/** Returns the requested outputs of a result. */
export function outputTensors(request: InferenceRequest, result: InferenceResult): OutputTensor[] {
  return request.outputs.map(({ name, binary, classes }) => {
    const tensor = result.outputs[name];
    if (tensor === undefined) throw new Error(`the coordinator returned no output '${name}'`);
    if (classes === null) {
      return { name, datatype: DATATYPES[tensor.type], shape: tensor.dims, binary, content: tensor };
    }
    const { shape, texts } = topClasses(tensor, classes);
    return { name, datatype: 'BYTES', shape, binary, content: texts };
  });
}

/**
 * Returns the elements as a flat JSON array.
 * @throws {ApiError} 500: an element is NaN or infinite
 */
export function outputJson({ name, content }: OutputTensor): string {
  if (isStrings(content)) return JSON.stringify(content);
  if (content.type === 'string') return JSON.stringify(decodeStrings(content.data as Uint8Array));
  if (!isFiniteTensor(content)) {
    throw new ApiError(
      500,
      'not-finite',
      `output '${name}' has NaN or infinite elements, which JSON cannot represent`,
      'Request it in binary: "outputs": [{ "name": …, "parameters": { "binary_data": true } }].',
    );
  }
  return tensorDataToJson(content);
}

/** Returns the elements in little-endian order; each string after its length in 4 bytes. */
export function outputBytes({ content }: OutputTensor): Uint8Array {
  return isStrings(content) ? encodeStrings(content) : bytesOf(content.data);
}

function isStrings(content: OutputTensor['content']): content is readonly string[] {
  return Array.isArray(content);
}
