/** A minimal HTTP client for tests. Returns responses as they were sent. */
import { type IncomingHttpHeaders, request } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary fields
  json(): any;
}

export function send(
  port: number,
  method: string,
  path: string,
  options: {
    readonly token?: string;
    readonly headers?: Record<string, string | number>;
    readonly body?: Uint8Array | string;
    readonly signal?: AbortSignal;
  } = {},
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | number> = { ...options.headers };
    if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
    const { signal } = options;
    const outgoing = request(
      { host: '127.0.0.1', port, method, path, headers, agent: false, ...(signal ? { signal } : {}) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const body = Buffer.concat(chunks);
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body,
            json: () => JSON.parse(body.toString('utf8')),
          });
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(options.body);
  });
}
