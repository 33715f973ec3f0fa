/**
 * Calls of Triton's Python client, byte by byte as it sends them. e2e/src/record_triton_calls.py recorded them;
 * e2e/src/triton_client.py makes the same calls where the client is installed.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { inflateSync } from 'node:zlib';
import { type Client, credentials, Metadata, makeGenericClientConstructor } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GrpcServer } from './grpc/grpc-server.ts';
import { INFERENCE_SERVICE } from './grpc/service-definition.ts';
import { CallStatistics } from './inference/call-statistics.ts';
import { HALVES, HALVES_TOKENS, HalvesServer } from './testing/halves-server.ts';

interface Recorded {
  readonly http: Readonly<Record<string, string>>;
  readonly grpc: readonly { readonly method: string; readonly request: string; readonly response: string }[];
}
const RECORDED = JSON.parse(
  readFileSync(new URL('./testing/recorded-calls.json', import.meta.url), 'utf8'),
) as Recorded;

describe('over HTTP', () => {
  let server: HalvesServer;
  let port: number;
  beforeAll(async () => {
    server = new HalvesServer();
    port = await server.listen();
  });
  afterAll(() => server.close());

  interface Answer {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Buffer;
  }

  /** Sends a recorded request, and reads the answer as the client does: to its content-length. */
  function replay(name: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(Buffer.from(RECORDED.http[name]!, 'base64')),
      );
      let received = Buffer.alloc(0);
      socket.on('error', reject);
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        const end = received.indexOf('\r\n\r\n');
        if (end === -1) return;
        const [first = '', ...lines] = received.subarray(0, end).toString().split('\r\n');
        const headers = Object.fromEntries(
          lines.map((line) => [line.split(':')[0]!.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
        );
        const body = received.subarray(end + 4);
        if (body.byteLength < Number(headers['content-length'])) return;
        socket.destroy();
        resolve({ status: Number(first.split(' ')[1]), headers, body });
      });
    });
  }

  /** Returns each output as bytes, or as its JSON data. */
  function outputsOf({ headers, body }: Answer): Record<string, unknown> {
    const whole = headers['content-encoding'] === 'deflate' ? inflateSync(body) : body;
    let at = Number(headers['inference-header-content-length'] ?? whole.byteLength);
    const { outputs } = JSON.parse(whole.subarray(0, at).toString());
    return Object.fromEntries(
      outputs.map(
        ({
          name,
          data,
          parameters,
        }: {
          name: string;
          data?: unknown;
          parameters?: { binary_data_size: number };
        }) => {
          if (parameters === undefined) return [name, data];
          const bytes = whole.subarray(at, at + parameters.binary_data_size);
          at += parameters.binary_data_size;
          return [name, bytes.toString('hex')];
        },
      ),
    );
  }

  const Y = Buffer.from(Float32Array.of(0.5, 1, 1.5, 2.25, -2.5, 3).buffer).toString('hex');
  const M = Buffer.from(BigInt64Array.of(42n, -(2n ** 62n) + 1n).buffer).toString('hex');
  const ALL = { y: Y, m: M, flag: '0001' };

  it.each<[string, object]>([
    ['infer', ALL],
    ['infer in JSON', { y: [0.5, 1, 1.5, 2.25, -2.5, 3] }],
    [
      'infer with outputs and classes',
      {
        m: M,
        y: Buffer.from('\x05\0\0\x001.5:2\x03\0\0\x001:1\x03\0\0\x003:2\x06\0\0\x002.25:0').toString('hex'),
        flag: [false, true],
      },
    ],
    ['infer with a gzip request', ALL],
    ['infer with a deflate request and response', ALL],
    ['infer with parameters', ALL],
  ])('%s', async (name, outputs) => {
    const answer = await replay(name);
    expect(answer.status, answer.body.toString()).toBe(200);
    expect(outputsOf(answer)).toEqual(outputs);
  });

  it.each<[string, number, unknown]>([
    ['infer of an unknown model', 404, { error: "no deployment is named 'none'", code: 'unknown-model' }],
    ['get_model_repository_index', 200, [{ name: 'halves', version: '1', state: 'READY', reason: '' }]],
    ['load_model', 403, { error: 'clients may not load models' }],
    ['unload_model', 403, { error: 'clients may not unload models' }],
    ['get_inference_statistics', 200, { model_stats: [{ name: 'halves', version: '1' }] }],
    ['get_model_config', 200, { name: 'halves', max_batch_size: 0 }],
  ])('%s', async (name, status, body) => {
    const answer = await replay(name);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body.toString())).toMatchObject(body as object);
  });

  it('every recorded call is tested', () => {
    expect(Object.keys(RECORDED.http)).toHaveLength(12);
  });
});

describe('over gRPC', () => {
  let server: GrpcServer;
  let client: Client;
  beforeAll(async () => {
    const statistics = new CallStatistics(() => 123);
    statistics.succeeded({ queueMs: 2, inputMs: 2, inferMs: 2, outputMs: 2 });
    statistics.failed(5);
    const halves = new HalvesServer();
    const { access, backend } = halves;
    halves.models.set('halves', { ...HALVES, statistics });
    server = new GrpcServer({ access, backend, version: '9.8.7' });
    const port = await server.listen('127.0.0.1', 0);
    // Without a definition: the client neither encodes nor decodes.
    client = new (makeGenericClientConstructor({}, 'raw'))(`127.0.0.1:${port}`, credentials.createInsecure());
  });
  afterAll(async () => {
    client.close();
    await server.close();
  });

  function replay(method: string, request: Buffer): Promise<Buffer> {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${HALVES_TOKENS.inferToken}`);
    const asIs = (bytes: Buffer): Buffer => bytes;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/inference.GRPCInferenceService/${method}`,
        asIs,
        asIs,
        request,
        metadata,
        (error, response) => (error ? reject(error) : resolve(response!)),
      );
    });
  }

  it.each(RECORDED.grpc.map((call, at) => [`${call.method} (${at})`, call] as const))(
    '%s',
    async (_name, { method, request, response }) => {
      const answer = await replay(method, Buffer.from(request, 'base64'));
      // Both are decoded with our definition. If a field number of it were wrong, a field would be missing.
      const decode = INFERENCE_SERVICE[method]!.responseDeserialize;
      expect(decode(answer)).toEqual(decode(Buffer.from(response, 'base64')));
    },
  );
});
