import { readApiError } from '../live-connection/api-client.ts';

/** An input tensor of a request. */
export interface Feed {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array;
}

/** The output tensors of an answer that the panels read. Other types stay as bytes. */
export type OutputData = Float32Array | BigInt64Array | Int32Array | Uint8Array;

export interface Inferred {
  readonly outputs: ReadonlyMap<string, OutputData>;
  readonly latencyMs: number | null;
  /** Shards of this answer that were decoded from parity, and shards that the data plane computed. */
  readonly recovered: number;
  readonly rescued: number;
}

interface Header {
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly parameters?: { readonly binary_data_size?: number };
  }[];
  readonly parameters?: {
    readonly recovered?: number;
    readonly rescued?: number;
    readonly latency_ms?: number;
  };
}

const LENGTH_HEADER = 'inference-header-content-length';

/**
 * Sends a request in the binary form of the Open Inference Protocol v2.
 * @param fetches  the outputs to return
 * @throws {ApiError} for a status of 400 or above
 */
export async function infer(
  deployment: string,
  feeds: readonly Feed[],
  fetches: readonly string[],
  signal: AbortSignal,
): Promise<Inferred> {
  const { body, headerLength } = encodeRequest(feeds, fetches);
  const response = await fetch(`/api/deployments/${encodeURIComponent(deployment)}/infer`, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/octet-stream', [LENGTH_HEADER]: String(headerLength) },
    body,
    signal,
  });
  if (!response.ok) throw readApiError(await response.text(), response.status);
  const length = response.headers.get(LENGTH_HEADER);
  return decodeAnswer(await response.arrayBuffer(), length === null ? null : Number(length));
}

/** Returns a JSON header and the bytes of the inputs, one after the other. */
export function encodeRequest(
  feeds: readonly Feed[],
  fetches: readonly string[],
): { readonly body: Blob; readonly headerLength: number } {
  const header = new TextEncoder().encode(
    JSON.stringify({
      inputs: feeds.map(({ name, dims, data }) => ({
        name,
        shape: dims,
        datatype: datatypeOf(data),
        parameters: { binary_data_size: data.byteLength },
      })),
      outputs: fetches.map((name) => ({ name, parameters: { binary_data: true } })),
    }),
  );
  const parts = feeds.map(({ data }) => data as Float32Array<ArrayBuffer>);
  return { body: new Blob([header, ...parts]), headerLength: header.byteLength };
}

/**
 * Reads an answer in binary form.
 * @param headerLength  bytes of the JSON header; null for an answer without tensors
 */
export function decodeAnswer(bytes: ArrayBuffer, headerLength: number | null): Inferred {
  const length = headerLength ?? bytes.byteLength;
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 0, length))) as Header;
  const outputs = new Map<string, OutputData>();
  let at = length;
  for (const { name, datatype, parameters } of header.outputs) {
    const end = at + (parameters?.binary_data_size ?? 0);
    outputs.set(name, viewOf(bytes.slice(at, end), datatype));
    at = end;
  }
  return {
    outputs,
    latencyMs: header.parameters?.latency_ms ?? null,
    recovered: header.parameters?.recovered ?? 0,
    rescued: header.parameters?.rescued ?? 0,
  };
}

/** Returns a float32 output. @throws {TypeError} the answer has none of this name */
export function floatsOf({ outputs }: Inferred, name: string): Float32Array {
  const data = outputs.get(name);
  if (!(data instanceof Float32Array))
    throw new TypeError(`The answer has no output "${name}" of type float32.`);
  return data;
}

function datatypeOf(data: Feed['data']): string {
  if (data instanceof Float32Array) return 'FP32';
  if (data instanceof BigInt64Array) return 'INT64';
  return data instanceof Int32Array ? 'INT32' : 'UINT8';
}

function viewOf(bytes: ArrayBuffer, datatype: string): OutputData {
  if (datatype === 'FP32') return new Float32Array(bytes);
  if (datatype === 'INT64') return new BigInt64Array(bytes);
  return datatype === 'INT32' ? new Int32Array(bytes) : new Uint8Array(bytes);
}
