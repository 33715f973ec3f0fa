/** Compressed requests and responses of `infer`, over a real socket. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { deflateRawSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HALVES_TOKENS, HalvesServer } from '../testing/halves-server.ts';
import { send } from '../testing/v2-client.ts';
import { chooseEncoding } from './content-encoding.ts';

const ROWS = 100;
const PATH = '/v2/models/halves/infer';
const X = Float32Array.from({ length: ROWS * 3 }, (_, at) => at % 7);
const OTHERS = [
  { name: 'n', shape: [2], datatype: 'INT64', data: [1, 2] },
  { name: 'mask', shape: [2], datatype: 'BOOL', data: [true, false] },
];
const JSON_BODY = Buffer.from(
  JSON.stringify({ inputs: [{ name: 'x', shape: [ROWS, 3], datatype: 'FP32', data: [...X] }, ...OTHERS] }),
);
const HEADER = Buffer.from(
  JSON.stringify({
    parameters: { binary_data_output: true },
    inputs: [
      { name: 'x', shape: [ROWS, 3], datatype: 'FP32', parameters: { binary_data_size: X.byteLength } },
      ...OTHERS,
    ],
  }),
);
const BINARY_BODY = Buffer.concat([HEADER, Buffer.from(X.buffer)]);
const compress = { gzip: gzipSync, deflate: deflateSync };
const expand = { gzip: gunzipSync, deflate: inflateSync };

let server: HalvesServer;
let port: number;
beforeAll(async () => {
  server = new HalvesServer();
  port = await server.listen();
});
afterAll(() => server.close());

const post = (body: Uint8Array, headers: Record<string, string | number>) =>
  send(port, 'POST', PATH, { token: HALVES_TOKENS.inferToken, body, headers });
const post200 = async (body: Uint8Array, headers: Record<string, string | number>) => {
  const answer = await post(body, headers);
  expect(answer.status, answer.body.toString()).toBe(200);
  return answer;
};

describe.each(['gzip', 'deflate'] as const)('a request compressed with %s', (encoding) => {
  it('gives the answer of the same request without compression', async () => {
    const plain = await post200(JSON_BODY, {});
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const answer = await post200(compress[encoding](JSON_BODY), {
        ...headers,
        'content-encoding': encoding,
      });
      expect(answer.body.equals(plain.body)).toBe(true);
    }
  });

  it('has the length of the JSON part before compression, as Triton’s client sends it', async () => {
    const headers = { 'inference-header-content-length': HEADER.byteLength };
    const plain = await post200(BINARY_BODY, headers);
    const answer = await post200(compress[encoding](BINARY_BODY), {
      ...headers,
      'content-encoding': encoding,
      'accept-encoding': encoding,
    });
    expect(answer.headers['content-encoding']).toBe(encoding);
    expect(answer.headers['inference-header-content-length']).toBe(
      plain.headers['inference-header-content-length'],
    );
    expect(answer.body.equals(plain.body)).toBe(false);
    expect(expand[encoding](answer.body).equals(plain.body)).toBe(true);
  });

  it.each([
    ['one byte is missing', (body: Buffer) => body.subarray(0, -1)],
    ['it is empty', () => Buffer.alloc(0)],
    ['its start is wrong', (body: Buffer) => Buffer.concat([Buffer.from('x'), body])],
    ['it is not compressed', () => JSON_BODY],
  ])('is refused with 400 if %s', async (_what, change) => {
    const answer = await post(change(compress[encoding](JSON_BODY)), { 'content-encoding': encoding });
    expect([answer.status, answer.json().code]).toEqual([400, expect.stringMatching(/^invalid-/)]);
    expect(answer.json().error).toEqual(expect.any(String));
  });

  it('is refused with 413 if it expands beyond the limit', async () => {
    const bomb = compress[encoding](Buffer.alloc(3_000_000, 0x20));
    expect(bomb.byteLength).toBeLessThan(4096);
    const answer = await post(bomb, { 'content-encoding': encoding });
    expect([answer.status, answer.json()]).toEqual([
      413,
      { error: 'the body exceeds the limit of 4096 bytes after expansion', code: 'too-large' },
    ]);
  });

  it('may be cut off by its client, and the server goes on', async () => {
    const body = compress[encoding](JSON_BODY);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const token = `authorization: Bearer ${HALVES_TOKENS.inferToken}`;
    socket.write(
      `POST ${PATH} HTTP/1.1\r\nhost: x\r\n${token}\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${body.byteLength}\r\n\r\n`,
    );
    socket.write(body.subarray(0, 20));
    socket.resetAndDestroy();
    await once(socket, 'close');
    await post200(JSON_BODY, {});
    expect(server.internalErrors).toEqual([]);
  });
});

describe('an encoding', () => {
  it.each(['br', 'gzip, deflate', 'zstd'])('%s of a request is refused with 415', async (encoding) => {
    const answer = await post(JSON_BODY, { 'content-encoding': encoding });
    expect([answer.status, answer.json().code]).toEqual([415, 'unknown-encoding']);
    expect(answer.headers['accept-encoding']).toBe('gzip, deflate');
  });

  it('identity changes nothing', async () => {
    await post200(JSON_BODY, { 'content-encoding': 'identity', 'accept-encoding': 'identity' });
  });

  it('deflate without zlib’s header is refused', async () => {
    const answer = await post(deflateRawSync(JSON_BODY), { 'content-encoding': 'deflate' });
    expect([answer.status, answer.json().code]).toEqual([400, 'invalid-encoding']);
  });

  it('is not used for a small response', async () => {
    const x = { name: 'x', shape: [1, 3], datatype: 'FP32', data: [1, 2, 3] };
    const answer = await post200(Buffer.from(JSON.stringify({ inputs: [x, ...OTHERS] })), {
      'accept-encoding': 'gzip',
    });
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.headers.vary).toBe('accept-encoding');
    expect(answer.json().outputs[0].data).toEqual([0.5, 1, 1.5]);
  });

  it.each([
    [undefined, null],
    ['', null],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['deflate, gzip', 'gzip'],
    ['gzip;q=0.5, deflate;q=0.8', 'deflate'],
    ['GZIP; Q=0.5', 'gzip'],
    ['gzip;q=0', null],
    ['gzip;q=0, *', 'deflate'],
    ['*', 'gzip'],
    ['*;q=0', null],
    ['br', null],
    ['identity, gzip;q=0.5', null],
    ['gzip;q=x', null],
  ])('for Accept-Encoding %j is %s', (header, encoding) => {
    expect(chooseEncoding(header)).toBe(encoding);
  });
});
