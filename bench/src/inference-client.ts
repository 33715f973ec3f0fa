import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';

/** A binary request of the Open Inference Protocol, which can be sent many times. */
export interface PreparedRequest {
  readonly bytes: Uint8Array;
  /** Value of the header Inference-Header-Content-Length. */
  readonly headerLength: number;
}

/** The outcome of a request. */
export type Inferred =
  | {
      readonly kind: 'answered';
      readonly output: Float32Array;
      readonly recovered: number;
      readonly rescued: number;
    }
  /** An explicit error of the server. */
  | { readonly kind: 'refused'; readonly status: number; readonly code: string; readonly message: string }
  /** Neither an answer nor an error: the connection broke or the request timed out. */
  | { readonly kind: 'broken'; readonly reason: string };

interface ResponseHeader {
  readonly parameters?: { readonly recovered: number; readonly rescued: number };
  readonly outputs?: readonly { readonly parameters: { readonly binary_data_size: number } }[];
  readonly error?: string;
  readonly code?: string;
}

/** Encodes a request with one float32 input. */
export function prepareRequest(input: string, dims: readonly number[], data: Float32Array): PreparedRequest {
  const header = Buffer.from(
    JSON.stringify({
      inputs: [
        { name: input, shape: dims, datatype: 'FP32', parameters: { binary_data_size: data.byteLength } },
      ],
      parameters: { binary_data_output: true },
    }),
  );
  const values = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { bytes: Buffer.concat([header, values]), headerLength: header.length };
}

/** Sends requests over keep-alive HTTP connections to this machine. */
export class InferenceClient {
  readonly #port: number;
  readonly #token: string;
  readonly #timeoutMs: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  /** @param timeoutMs  must be far beyond every deadline of the server */
  constructor(port: number, token: string, timeoutMs: number) {
    this.#port = port;
    this.#token = token;
    this.#timeoutMs = timeoutMs;
  }

  /** Sends a request and returns the model's first output. Never rejects. */
  infer(deployment: string, { bytes, headerLength }: PreparedRequest): Promise<Inferred> {
    return new Promise((resolve) => {
      const broken = (reason: string): void => resolve({ kind: 'broken', reason });
      const outgoing = httpRequest(
        {
          host: '127.0.0.1',
          port: this.#port,
          path: `/v2/models/${deployment}/infer`,
          method: 'POST',
          agent: this.#agent,
          timeout: this.#timeoutMs,
          headers: {
            authorization: `Bearer ${this.#token}`,
            'content-type': 'application/octet-stream',
            'content-length': bytes.byteLength,
            'inference-header-content-length': headerLength,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('end', () => resolve(parseResponse(response, Buffer.concat(chunks))));
          response.once('close', () => broken('the connection closed during the response'));
        },
      );
      outgoing.once('timeout', () => outgoing.destroy(new Error(`no response within ${this.#timeoutMs} ms`)));
      outgoing.once('error', (error: NodeJS.ErrnoException) => broken(error.code ?? error.message));
      outgoing.end(bytes);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function parseResponse(response: IncomingMessage, body: Buffer): Inferred {
  const status = response.statusCode ?? 0;
  try {
    const length = Number(response.headers['inference-header-content-length'] ?? body.length);
    const header = JSON.parse(body.subarray(0, length).toString()) as ResponseHeader;
    if (status !== 200) {
      const { error = body.toString(), code = 'no-code' } = header;
      return { kind: 'refused', status, code, message: error };
    }
    const size = header.outputs?.[0]?.parameters.binary_data_size ?? 0;
    // Copies, because the output may not start at a multiple of four bytes.
    const output = new Float32Array(Uint8Array.from(body.subarray(length, length + size)).buffer);
    const { recovered, rescued } = header.parameters ?? { recovered: 0, rescued: 0 };
    return { kind: 'answered', output, recovered, rescued };
  } catch (error) {
    return { kind: 'broken', reason: `status ${status} with an invalid body: ${error}` };
  }
}
