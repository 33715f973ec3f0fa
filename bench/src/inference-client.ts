/** One binary request of the Open Inference Protocol over kept-alive HTTP, and what came of it. */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';

/** A request that can be sent many times. */
export interface PreparedRequest {
  readonly bytes: Uint8Array;
  /** For Inference-Header-Content-Length. */
  readonly headerLength: number;
}

export type Inferred =
  | {
      readonly kind: 'answered';
      readonly output: Float32Array;
      readonly recovered: number;
      readonly rescued: number;
    }
  /** The server said no, in words. */
  | { readonly kind: 'refused'; readonly status: number; readonly code: string; readonly message: string }
  /** No answer and no error: the connection broke, or nothing came. */
  | { readonly kind: 'broken'; readonly reason: string };

interface ResponseHeader {
  readonly parameters?: { readonly recovered: number; readonly rescued: number };
  readonly outputs?: readonly { readonly parameters: { readonly binary_data_size: number } }[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** @param data  float32 values of one input */
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

export class InferenceClient {
  readonly #port: number;
  readonly #token: string;
  readonly #giveUpMs: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  /** @param giveUpMs  far beyond any deadline of the server: what has not come by then never will */
  constructor(port: number, token: string, giveUpMs: number) {
    this.#port = port;
    this.#token = token;
    this.#giveUpMs = giveUpMs;
  }

  /** Never rejects. The model's first output is what is given back. */
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
          timeout: this.#giveUpMs,
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
          response.once('close', () => broken('the connection closed within the response'));
        },
      );
      outgoing.once('timeout', () => outgoing.destroy(new Error(`nothing came in ${this.#giveUpMs} ms`)));
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
      const { code, message } = header.error ?? { code: 'no-code', message: body.toString() };
      return { kind: 'refused', status, code, message };
    }
    const size = header.outputs?.[0]?.parameters.binary_data_size ?? 0;
    // A copy: the response's bytes need not lie at a multiple of four.
    const output = new Float32Array(Uint8Array.from(body.subarray(length, length + size)).buffer);
    const { recovered, rescued } = header.parameters ?? { recovered: 0, rescued: 0 };
    return { kind: 'answered', output, recovered, rescued };
  } catch (error) {
    return { kind: 'broken', reason: `status ${status} with a body that is none: ${error}` };
  }
}
