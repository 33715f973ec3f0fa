import { DeadlineError, OverloadedError, UnavailableError } from '@sparewheel/coordinator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HalvesServer, halve, HALVES_TOKENS as TOKENS } from '../testing/halves-server.ts';
import { send } from '../testing/v2-client.ts';

let server: HalvesServer;
let port: number;
beforeEach(async () => {
  server = new HalvesServer();
  port = await server.listen();
});
afterEach(() => server.close());

const INPUTS = [
  { name: 'x', shape: [2, 3], datatype: 'FP32', data: [1, 2, 3, 4.5, -5, 6] },
  { name: 'n', shape: [2], datatype: 'INT64', data: [41, -9007199254740991] },
  { name: 'mask', shape: [2], datatype: 'BOOL', data: [true, false] },
];
const PATH = '/v2/models/halves/infer';

function inferJson(body: unknown, token = TOKENS.inferToken) {
  return send(port, 'POST', PATH, {
    token,
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

function binaryBody(inputs: object[], parts: Uint8Array[], extra: object = {}) {
  const json = Buffer.from(JSON.stringify({ inputs, ...extra }));
  return {
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': json.byteLength,
    },
    body: Buffer.concat([json, ...parts]),
  };
}

const BINARY_INPUTS = [
  { name: 'x', shape: [2, 3], datatype: 'FP32', parameters: { binary_data_size: 24 } },
  { name: 'n', shape: [2], datatype: 'INT64', parameters: { binary_data_size: 16 } },
  { name: 'mask', shape: [2], datatype: 'BOOL', parameters: { binary_data_size: 2 } },
];
const BINARY_PARTS = [
  new Uint8Array(Float32Array.of(1, 2, 3, 4.5, -5, 6).buffer),
  new Uint8Array(BigInt64Array.of(41n, -9007199254740991n).buffer),
  Uint8Array.of(1, 0),
];

describe('infer', () => {
  it('answers a JSON request with its id and parameters', async () => {
    const answer = await inferJson({ id: 'a-1', inputs: INPUTS });
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({
      model_name: 'halves',
      model_version: '1',
      id: 'a-1',
      parameters: { recovered: 1, rescued: 2, latency_ms: 3.25 },
      outputs: [
        { name: 'y', datatype: 'FP32', shape: [2, 3], data: [0.5, 1, 1.5, 2.25, -2.5, 3] },
        { name: 'm', datatype: 'INT64', shape: [2], data: [42, -9007199254740990] },
        { name: 'flag', datatype: 'BOOL', shape: [2], data: [false, true] },
      ],
    });
  });

  it('accepts nested and flat data', async () => {
    const nested = [
      {
        ...INPUTS[0],
        data: [
          [1, 2, 3],
          [4.5, -5, 6],
        ],
      },
      INPUTS[1],
      INPUTS[2],
    ];
    const answer = await inferJson({ inputs: nested });
    expect(answer.json().outputs).toEqual((await inferJson({ inputs: INPUTS })).json().outputs);
  });

  it('gives the same bits for JSON and binary, in requests and responses', async () => {
    const fromJson = (await inferJson({ inputs: INPUTS })).json().outputs;
    const mixed = await send(port, 'POST', PATH, {
      token: TOKENS.inferToken,
      ...binaryBody(BINARY_INPUTS, BINARY_PARTS),
    });
    expect(mixed.json().outputs).toEqual(fromJson);

    const binary = await send(port, 'POST', PATH, {
      token: TOKENS.inferToken,
      ...binaryBody(BINARY_INPUTS, BINARY_PARTS, { parameters: { binary_data_output: true } }),
    });
    const headerLength = Number(binary.headers['inference-header-content-length']);
    expect(headerLength % 8).toBe(0);
    const header = JSON.parse(binary.body.subarray(0, headerLength).toString());
    expect(
      header.outputs.map(
        (output: { parameters: { binary_data_size: number } }) => output.parameters.binary_data_size,
      ),
    ).toEqual([24, 16, 2]);
    const bytes = binary.body.subarray(headerLength);
    expect([...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 24))]).toEqual(
      fromJson[0].data,
    );
    expect(bytes.readBigInt64LE(24)).toBe(42n);
    expect([...bytes.subarray(40)]).toEqual([0, 1]);
  });

  it('returns the requested outputs in the requested form', async () => {
    const answer = await inferJson({
      inputs: INPUTS,
      outputs: [{ name: 'm', parameters: { binary_data: true } }, { name: 'y' }],
    });
    const headerLength = Number(answer.headers['inference-header-content-length']);
    const { outputs } = JSON.parse(answer.body.subarray(0, headerLength).toString());
    expect(outputs[0]).toEqual({
      name: 'm',
      datatype: 'INT64',
      shape: [2],
      parameters: { binary_data_size: 16 },
    });
    expect(outputs[1].data).toEqual([0.5, 1, 1.5, 2.25, -2.5, 3]);
    expect(outputs).toHaveLength(2);
  });

  it('reads a chunked body without a content-length', async () => {
    const { headers, body } = binaryBody(BINARY_INPUTS, BINARY_PARTS);
    const answer = await send(port, 'POST', PATH, {
      token: TOKENS.inferToken,
      headers: { ...headers, 'transfer-encoding': 'chunked' },
      body,
    });
    expect(answer.status).toBe(200);
  });

  it('cancels the request when its client disconnects', async () => {
    const client = new AbortController();
    const aborted = new Promise<void>((resolve) => {
      server.infer = (_feeds, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            resolve();
            reject(new Error('canceled'));
          });
          client.abort();
        });
    });
    const answer = send(port, 'POST', PATH, {
      token: TOKENS.inferToken,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: INPUTS }),
      signal: client.signal,
    });
    await expect(answer).rejects.toThrow();
    await aborted;
  });
});

describe('bad input', () => {
  const [x, n, mask] = INPUTS;
  const cases: [string, unknown, string][] = [
    ['not JSON', '{"inputs":', 'invalid-json'],
    ['an empty body', '', 'invalid-json'],
    ['no inputs', {}, 'invalid-request'],
    ['a shape that is not numbers', { inputs: [{ ...x, shape: ['2', 3] }, n, mask] }, 'invalid-request'],
    ['a missing input', { inputs: [x, n] }, 'missing-input'],
    ['an input twice', { inputs: [x, x, n, mask] }, 'duplicate-input'],
    ['an input of another name', { inputs: [{ ...x, name: 'z' }, n, mask] }, 'unknown-input'],
    [
      'an input named like an object method',
      { inputs: [{ ...x, name: '__proto__' }, n, mask] },
      'unknown-input',
    ],
    ['another type', { inputs: [{ ...x, datatype: 'FP64' }, n, mask] }, 'wrong-type'],
    ['another rank', { inputs: [{ ...x, shape: [6] }, n, mask] }, 'wrong-shape'],
    ['another dimension', { inputs: [{ ...x, shape: [3, 2] }, n, mask] }, 'wrong-shape'],
    ['an empty fixed dimension', { inputs: [{ ...x, shape: [2, 0], data: [] }, n, mask] }, 'wrong-shape'],
    ['too few elements', { inputs: [{ ...x, data: [1, 2, 3] }, n, mask] }, 'wrong-length'],
    ['a huge shape over little data', { inputs: [{ ...x, shape: [9e15, 3] }, n, mask] }, 'wrong-length'],
    [
      'a nesting of another shape',
      {
        inputs: [
          {
            ...x,
            data: [
              [1, 2],
              [3, 4],
              [5, 6],
            ],
          },
          n,
          mask,
        ],
      },
      'wrong-shape',
    ],
    [
      'a ragged nesting',
      {
        inputs: [
          {
            ...x,
            data: [
              [1, 2, 3],
              [4, 5],
            ],
          },
          n,
          mask,
        ],
      },
      'wrong-shape',
    ],
    ['a string as data', { inputs: [{ ...x, data: 'abcdef' }, n, mask] }, 'wrong-data'],
    ['no data', { inputs: [{ ...x, data: undefined }, n, mask] }, 'missing-data'],
    ['a string as an element', { inputs: [{ ...x, data: [1, 2, 3, 4, 5, '6'] }, n, mask] }, 'wrong-value'],
    ['null as an element', { inputs: [{ ...x, data: [1, 2, 3, 4, 5, null] }, n, mask] }, 'wrong-value'],
    ['a fraction as an integer', { inputs: [x, { ...n, data: [1, 2.5] }, mask] }, 'wrong-value'],
    [
      'an integer that JSON cannot represent',
      { inputs: [x, { ...n, data: [1, 2 ** 60] }, mask] },
      'wrong-value',
    ],
    ['a number as a boolean', { inputs: [x, n, { ...mask, data: [2, 0] }] }, 'wrong-value'],
    [
      'a finite number that is infinite as FP32',
      { inputs: [{ ...x, data: [1, 2, 3, 4, 5, 1e39] }, n, mask] },
      'not-finite',
    ],
    ['an unknown output', { inputs: INPUTS, outputs: [{ name: 'q' }] }, 'unknown-output'],
    ['an output twice', { inputs: INPUTS, outputs: [{ name: 'y' }, { name: 'y' }] }, 'duplicate-output'],
    ['binary_data_size without binary data', { inputs: BINARY_INPUTS }, 'wrong-length'],
  ];
  it.each(cases)('rejects %s', async (_what, body, code) => {
    const answer = await inferJson(body);
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ error: expect.any(String), code });
    // The next request is served.
    expect((await inferJson({ inputs: INPUTS })).status).toBe(200);
  });

  it.each([
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
  ])('rejects %s in binary data', async (_what, value) => {
    const parts = [new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, value).buffer), ...BINARY_PARTS.slice(1)];
    const answer = await send(port, 'POST', PATH, {
      token: TOKENS.inferToken,
      ...binaryBody(BINARY_INPUTS, parts),
    });
    expect([answer.status, answer.json().code]).toEqual([400, 'not-finite']);
  });

  it('rejects infinity in JSON, written as 1e999', async () => {
    const text = JSON.stringify({ inputs: INPUTS }).replace('4.5', '1e999');
    expect((await inferJson(text)).json().code).toBe('not-finite');
  });

  it.each([
    ['a binary tensor that is too short', [BINARY_PARTS[0]!.subarray(1), ...BINARY_PARTS.slice(1)]],
    ['bytes after the last tensor', [...BINARY_PARTS, Uint8Array.of(1)]],
  ])('rejects %s', async (_what, parts) => {
    const answer = await send(port, 'POST', PATH, {
      token: TOKENS.inferToken,
      ...binaryBody(BINARY_INPUTS, parts),
    });
    expect([answer.status, answer.json().code]).toEqual([400, 'wrong-length']);
  });

  it.each(['-1', 'x', '99999'])('rejects a JSON part of length %s', async (length) => {
    const answer = await send(port, 'POST', PATH, {
      token: TOKENS.inferToken,
      headers: { 'inference-header-content-length': length },
      body: JSON.stringify({ inputs: INPUTS }),
    });
    expect([answer.status, answer.json().code]).toEqual([400, 'wrong-length']);
  });

  it.each([
    ['known', {}],
    ['unknown', { 'transfer-encoding': 'chunked' }],
  ])('rejects a body over the limit with 413 if its length is %s', async (_what, headers) => {
    const answer = await send(port, 'POST', PATH, {
      token: TOKENS.inferToken,
      headers,
      body: Buffer.alloc(100_000, 0x20),
    });
    expect([answer.status, answer.json().code]).toEqual([413, 'too-large']);
  });

  it('rejects a JSON response with a NaN output', async () => {
    server.infer = async (feeds) => ({
      ...halve(feeds),
      y: { type: 'float32', dims: [1, 3], data: Float32Array.of(1, Number.NaN, 2) },
    });
    const answer = await inferJson({ inputs: INPUTS });
    expect([answer.status, answer.json().code]).toEqual([500, 'not-finite']);
  });
});

describe('authorization', () => {
  it('rejects a missing or unknown token with 401', async () => {
    for (const headers of [
      {},
      { authorization: 'Bearer wrong' },
      { authorization: 'Basic dGhlLWNsaWVudA==' },
    ]) {
      const answer = await send(port, 'POST', PATH, { headers, body: JSON.stringify({ inputs: INPUTS }) });
      expect([answer.status, answer.json().code]).toEqual([401, 'unauthorized']);
    }
  });
  it('rejects the join token with 403', async () => {
    const answer = await inferJson({ inputs: INPUTS }, TOKENS.joinToken);
    expect([answer.status, answer.json().code]).toEqual([403, 'forbidden']);
  });
  it('accepts the operator token', async () => {
    expect((await inferJson({ inputs: INPUTS }, TOKENS.operatorToken)).status).toBe(200);
  });
  it('answers health checks without a token', async () => {
    expect((await send(port, 'GET', '/v2/health/live')).status).toBe(200);
    expect((await send(port, 'GET', '/v2/health/ready')).json()).toEqual({ ready: true });
  });
});

describe('metadata', () => {
  const get = (path: string) => send(port, 'GET', path, { token: TOKENS.inferToken });
  it('describes the server and the model', async () => {
    expect((await get('/v2')).json()).toEqual({
      name: 'sparewheel',
      version: '9.8.7',
      extensions: [
        'binary_tensor_data',
        'classification',
        'model_configuration',
        'model_repository',
        'statistics',
      ],
    });
    const model = (await get('/v2/models/halves')).json();
    expect(model.inputs[0]).toEqual({ name: 'x', datatype: 'FP32', shape: [-1, 3] });
    expect((await get('/v2/models/halves/versions/1')).json()).toEqual(model);
    expect((await get('/v2/models/halves/ready')).json()).toEqual({ name: 'halves', ready: true });
  });
  it('answers 404 for unknown names, versions and paths', async () => {
    for (const path of [
      '/v2/models/none',
      '/v2/models/halves/versions/2',
      '/v2/models/none/ready',
      '/elsewhere',
    ]) {
      const answer = await get(path);
      expect(answer.status).toBe(404);
      expect(answer.json().error).toEqual(expect.any(String));
    }
    const answer = await send(port, 'POST', '/v2/models/none/infer', {
      token: TOKENS.inferToken,
      body: '{}',
    });
    expect([answer.status, answer.json().code]).toEqual([404, 'unknown-model']);
  });
});

describe('errors of the coordinator', () => {
  it.each([
    [new OverloadedError('halves', 64, 256, 1500), 503, 'overloaded', '2'],
    [new UnavailableError('halves', 'no device is left'), 503, 'unavailable', '1'],
    [new DeadlineError(7, 10_000, ['fc1']), 504, 'deadline-exceeded', undefined],
  ])('become HTTP errors: %s', async (error, status, code, retryAfter) => {
    server.infer = async () => Promise.reject(error);
    const answer = await inferJson({ inputs: INPUTS });
    expect([answer.status, answer.json().code, answer.headers['retry-after']]).toEqual([
      status,
      code,
      retryAfter,
    ]);
    expect(server.internalErrors).toEqual([]);
  });
  it('become status 500 if unexpected', async () => {
    server.infer = async () => Promise.reject(new Error('boom'));
    const answer = await inferJson({ inputs: INPUTS });
    expect([answer.status, answer.json().code]).toEqual([500, 'internal']);
    expect(server.internalErrors).toHaveLength(1);
  });
});
