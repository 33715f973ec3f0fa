/** A small client of the Open Inference Protocol v2, for the JSON and the binary form of a request. */
import type { Product } from './product.ts';

export interface Inferred {
  readonly status: number;
  readonly outputs: Readonly<Record<string, Float32Array>>;
  readonly parameters: { readonly recovered: number; readonly rescued: number; readonly latency_ms: number };
  readonly error: { readonly code: string; readonly message: string } | null;
}

interface InferenceHeader {
  readonly parameters?: Inferred['parameters'];
  readonly outputs?: readonly { name: string; data?: number[]; parameters?: { binary_data_size?: number } }[];
  readonly error?: string;
  readonly code?: string;
}

export interface InferenceInput {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

function collect(status: number, header: InferenceHeader, binary: Uint8Array): Inferred {
  const outputs: Record<string, Float32Array> = {};
  let offset = 0;
  for (const output of header.outputs ?? []) {
    const bytes = output.parameters?.binary_data_size;
    if (bytes === undefined) {
      outputs[output.name] = Float32Array.from(output.data ?? []);
    } else {
      outputs[output.name] = new Float32Array(binary.slice(offset, offset + bytes).buffer);
      offset += bytes;
    }
  }
  return {
    status,
    outputs,
    parameters: header.parameters ?? { recovered: Number.NaN, rescued: Number.NaN, latency_ms: Number.NaN },
    error: header.error === undefined ? null : { code: header.code ?? '', message: header.error },
  };
}

/** Sends an inference request in JSON form. */
export async function inferJson(
  product: Product,
  deployment: string,
  input: InferenceInput,
): Promise<Inferred> {
  const response = await fetch(`${product.dataUrl}/v2/models/${deployment}/infer`, {
    method: 'POST',
    headers: { authorization: `Bearer ${product.tokens.infer}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      inputs: [{ name: input.name, shape: input.dims, datatype: 'FP32', data: [...input.data] }],
    }),
  });
  return collect(response.status, (await response.json()) as InferenceHeader, new Uint8Array());
}

/** Sends an inference request with the binary tensor extension. */
export async function inferBinary(
  product: Product,
  deployment: string,
  input: InferenceInput,
): Promise<Inferred> {
  const data = new Uint8Array(input.data.buffer, input.data.byteOffset, input.data.byteLength);
  const header = new TextEncoder().encode(
    JSON.stringify({
      parameters: { binary_data_output: true },
      inputs: [
        {
          name: input.name,
          shape: input.dims,
          datatype: 'FP32',
          parameters: { binary_data_size: data.byteLength },
        },
      ],
    }),
  );
  const body = new Uint8Array(header.length + data.length);
  body.set(header);
  body.set(data, header.length);
  const response = await fetch(`${product.dataUrl}/v2/models/${deployment}/infer`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${product.tokens.infer}`,
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(header.length),
    },
    body,
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const length = Number(response.headers.get('inference-header-content-length') ?? bytes.length);
  const answer = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length))) as InferenceHeader;
  return collect(response.status, answer, bytes.subarray(length));
}

/** Returns max |a − b| ÷ max |b|; infinity if the lengths differ. */
export function relativeError(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs((actual[i] ?? Number.NaN) - (expected[i] ?? Number.NaN)));
    scale = Math.max(scale, Math.abs(expected[i] ?? 0));
  }
  return difference / scale;
}
