/** The gRPC service over a real connection. `recorded-calls.test.ts` checks the bytes. */
import { once } from 'node:events';
import { compressionAlgorithms, status } from '@grpc/grpc-js';
import { DeadlineError, OverloadedError, UnavailableError } from '@sparewheel/coordinator';
import { bytesOf, type Tensor } from '@sparewheel/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestGrpcClient } from '../testing/grpc-client.ts';
import { HALVES, HALVES_TOKENS, HalvesServer, halve } from '../testing/halves-server.ts';
import { GrpcServer } from './grpc-server.ts';

const LIMIT = 4096;
const X = [1, 2, 3, 4.5, -5, 6];
/** The inputs of the model `halves`, with typed contents. */
const TYPED = [
  { name: 'x', datatype: 'FP32', shape: [2, 3], contents: { fp32_contents: X } },
  { name: 'n', datatype: 'INT64', shape: [2], contents: { int64_contents: ['41', '-9223372036854775808'] } },
  { name: 'mask', datatype: 'BOOL', shape: [2], contents: { bool_contents: [true, false] } },
];
const RAW = [
  bytesOf(Float32Array.from(X)),
  bytesOf(BigInt64Array.of(41n, -9_223_372_036_854_775_808n)),
  Uint8Array.of(1, 0),
].map((bytes) => Buffer.from(bytes));
const TYPED_REQUEST = { model_name: 'halves', id: 'a-1', inputs: TYPED };
const RAW_REQUEST = {
  model_name: 'halves',
  model_version: '1',
  inputs: TYPED.map(({ contents: _, ...input }) => input),
  raw_input_contents: RAW,
};

let halves: HalvesServer;
let server: GrpcServer;
let port: number;
let client: TestGrpcClient;
let clients: TestGrpcClient[];
const connect = (token: string | null): TestGrpcClient => {
  const made = new TestGrpcClient(port, token);
  clients.push(made);
  return made;
};
beforeEach(async () => {
  halves = new HalvesServer();
  const { access, backend, internalErrors } = halves;
  server = new GrpcServer({
    access,
    backend,
    version: '9.8.7',
    messageLimitBytes: LIMIT,
    onInternalError: (error) => internalErrors.push(error),
  });
  port = await server.listen('127.0.0.1', 0);
  clients = [];
  client = connect(HALVES_TOKENS.inferToken);
});
afterEach(async () => {
  for (const each of clients) each.close();
  await server.close();
});

describe('the server', () => {
  it('describes itself and its deployments', async () => {
    expect(await client.call('ServerLive')).toEqual({ live: true });
    expect(await client.call('ServerReady')).toEqual({ ready: true });
    expect(await client.call('ServerMetadata')).toMatchObject({ name: 'sparewheel', version: '9.8.7' });
    expect(await client.call('ModelReady', { name: 'halves' })).toEqual({ ready: true });
    expect(await client.call('ModelMetadata', { name: 'halves', version: '1' })).toMatchObject({
      versions: ['1'],
      inputs: [{ name: 'x', datatype: 'FP32', shape: ['-1', '3'] }, { name: 'n' }, { name: 'mask' }],
    });
    expect((await client.call('ModelConfig', { name: 'halves' })).config).toMatchObject({
      name: 'halves',
      max_batch_size: 0,
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims: ['-1', '3'] }, { name: 'n' }, { name: 'mask' }],
      model_transaction_policy: { decoupled: false },
    });
  });

  it('lists the deployments, or only those that are ready', async () => {
    halves.models.set('late', { ...HALVES, name: 'late', state: 'LOADING', reason: 'soon' });
    const late = { name: 'late', version: '1', state: 'LOADING', reason: 'soon' };
    const names = async (request: object) =>
      (await client.call('RepositoryIndex', request)).models.map(({ name }: { name: string }) => name);
    expect(await names({})).toEqual(['halves', 'late']);
    expect(await names({ ready: true })).toEqual(['halves']);
    expect((await client.call('RepositoryIndex')).models[1]).toEqual(late);
    expect(await client.call('ModelReady', { name: 'late' })).toEqual({ ready: false });
  });

  it('counts calls over gRPC in the statistics', async () => {
    const before = HALVES.statistics.view().success.count;
    await client.call('ModelInfer', RAW_REQUEST);
    const { model_stats: all } = await client.call('ModelStatistics');
    const { model_stats: one } = await client.call('ModelStatistics', { name: 'halves' });
    expect(one).toEqual(all);
    expect(one[0].inference_stats.success.count).toBe(String(before + 1));
    expect(Number(one[0].inference_stats.compute_infer.ns)).toBeGreaterThan(0);
  });
});

describe('ModelInfer', () => {
  it('gives the same bits for typed and raw contents', async () => {
    const raw = await client.call('ModelInfer', RAW_REQUEST);
    const typed = await client.call('ModelInfer', TYPED_REQUEST);
    expect(typed).toEqual({ ...raw, id: 'a-1' });
    expect(raw).toMatchObject({
      model_name: 'halves',
      model_version: '1',
      parameters: {
        recovered: { int64_param: '1' },
        rescued: { int64_param: '2' },
        latency_ms: { double_param: 3.25 },
      },
      outputs: [
        { name: 'y', datatype: 'FP32', shape: ['2', '3'] },
        { name: 'm', datatype: 'INT64', shape: ['2'] },
        { name: 'flag', datatype: 'BOOL', shape: ['2'] },
      ],
    });
    const [y, m, flag] = raw.raw_output_contents as Buffer[];
    expect([...new Float32Array(Uint8Array.from(y!).buffer)]).toEqual([0.5, 1, 1.5, 2.25, -2.5, 3]);
    expect(m!.readBigInt64LE(8)).toBe(-9_223_372_036_854_775_807n);
    expect([...flag!]).toEqual([0, 1]);
  });

  it('returns the requested outputs, and classes as strings', async () => {
    const { outputs, raw_output_contents: raw } = await client.call('ModelInfer', {
      ...RAW_REQUEST,
      outputs: [{ name: 'm' }, { name: 'y', parameters: { classification: { int64_param: 1 } } }],
    });
    expect(outputs).toMatchObject([{ name: 'm' }, { name: 'y', datatype: 'BYTES', shape: ['2', '1'] }]);
    expect(raw[1].toString('latin1')).toBe('\x05\0\0\x001.5:2\x03\0\0\x003:2');
  });

  it.each<[string, object, string]>([
    [
      'one raw content too few',
      { raw_input_contents: RAW.slice(1) },
      'raw_input_contents has 2 entries for 3 inputs',
    ],
    ['both forms', { inputs: TYPED }, "input 'x' has both contents and raw_input_contents"],
    ['neither form', { raw_input_contents: [] }, "'x' has 0 elements, but its shape [2, 3] needs 6"],
    [
      'a short tensor',
      { raw_input_contents: [RAW[0]!.subarray(4), ...RAW.slice(1)] },
      "input 'x' has 20 bytes, but its shape [2, 3] needs 24",
    ],
    [
      'contents of another type',
      { raw_input_contents: [], inputs: [{ ...TYPED[0], contents: { int_contents: [1] } }] },
      "input 'x' is FP32, but has int_contents",
    ],
    [
      'contents for FP16',
      { raw_input_contents: [], inputs: [{ ...TYPED[0], datatype: 'FP16' }] },
      "input 'x' is FP16, but has fp32_contents",
    ],
    [
      'another datatype',
      { inputs: [{ ...RAW_REQUEST.inputs[0], datatype: 'BF16' }, ...RAW_REQUEST.inputs.slice(1)] },
      "input 'x' is BF16, expected FP32",
    ],
    ['an unknown output', { outputs: [{ name: 'q' }] }, "the model has no output 'q'"],
    ['no inputs', { inputs: [], raw_input_contents: [] }, "input 'x' is missing"],
    [
      'shared memory',
      {
        inputs: RAW_REQUEST.inputs.map((input) => ({
          ...input,
          parameters: { shared_memory_region: { string_param: 'r' } },
        })),
      },
      "'x' uses shared memory, which is not supported",
    ],
    [
      'a class count of another type',
      { outputs: [{ name: 'y', parameters: { classification: { string_param: '2' } } }] },
      "the parameter classification of 'y' is not an integer of at least 1",
    ],
    [
      'no classes',
      { outputs: [{ name: 'y', parameters: { classification: { int64_param: 0 } } }] },
      "the parameter classification of 'y' is not an integer of at least 1",
    ],
    [
      'more inputs than the limit',
      { inputs: new Array(65).fill(TYPED[0]), raw_input_contents: [] },
      'more than 64 inputs',
    ],
  ])('refuses %s', async (_what, change, text) => {
    const failure = await client.failure('ModelInfer', { ...RAW_REQUEST, ...change });
    expect([failure.code, failure.details]).toEqual([status.INVALID_ARGUMENT, text]);
    await client.call('ModelInfer', RAW_REQUEST);
  });

  it('refuses NaN, and elements that do not fit their type', async () => {
    const nan = bytesOf(Float32Array.from([...X.slice(1), Number.NaN]));
    const raw = await client.failure('ModelInfer', {
      ...RAW_REQUEST,
      raw_input_contents: [nan, ...RAW.slice(1)],
    });
    expect(raw.details).toBe("input 'x' has NaN or infinite elements");
    halves.models.set('bytes', {
      ...HALVES,
      name: 'bytes',
      inputs: [{ name: 'b', type: 'int8', dims: [1] }],
    });
    const input = { name: 'b', datatype: 'INT8', shape: [1], contents: { int_contents: [128] } };
    const large = await client.failure('ModelInfer', { model_name: 'bytes', inputs: [input] });
    expect(large.details).toBe("element 0 of 'b' is 128, expected an integer from -128 to 127 (int8)");
  });

  it('is canceled with its client, and at its client’s deadline', async () => {
    for (const end of ['cancel', 'deadline'] as const) {
      let begun = (): void => {};
      const running = new Promise<void>((resolve) => {
        begun = resolve;
      });
      const aborted = new Promise<void>((resolve) => {
        halves.infer = (_feeds, signal) => {
          begun();
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              resolve();
              reject(new Error('canceled'));
            });
          });
        };
      });
      const abort = new AbortController();
      const options = end === 'cancel' ? { signal: abort.signal } : { deadlineMs: 50 };
      const failed = client.call('ModelInfer', RAW_REQUEST, options).catch(({ code }) => code);
      await running;
      if (end === 'cancel') abort.abort();
      expect(await failed).toBe(end === 'cancel' ? status.CANCELLED : status.DEADLINE_EXCEEDED);
      await aborted;
    }
  });
});

describe('errors', () => {
  it.each([
    [new OverloadedError('halves', 64, 256, 1500), status.UNAVAILABLE, 'overloaded'],
    [new UnavailableError('halves', 'no device is left'), status.UNAVAILABLE, 'unavailable'],
    [new DeadlineError(7, 10_000, ['fc1']), status.DEADLINE_EXCEEDED, 'deadline-exceeded'],
    [new Error('boom'), status.INTERNAL, 'internal'],
  ])('have the text of HTTP: %s', async (error, code, name) => {
    halves.infer = async () => Promise.reject(error);
    const failure = await client.failure('ModelInfer', RAW_REQUEST);
    expect([failure.code, failure.details]).toEqual([code, error.message]);
    expect(failure.metadata.get('error-code')).toEqual([name]);
    expect(failure.metadata.get('error-hint-bin').toString()).toMatch(/\w+ \w+/);
    expect(halves.internalErrors).toEqual(code === status.INTERNAL ? [error] : []);
  });

  it.each<[string, object, status, string]>([
    ['ModelInfer', { model_name: 'none' }, status.NOT_FOUND, "no deployment is named 'none'"],
    ['ModelReady', { name: 'none' }, status.NOT_FOUND, "no deployment is named 'none'"],
    ['ModelConfig', { name: '' }, status.NOT_FOUND, "no deployment is named ''"],
    [
      'ModelMetadata',
      { name: 'halves', version: '2' },
      status.NOT_FOUND,
      "deployment 'halves' has only version '1', not '2'",
    ],
    ['RepositoryModelLoad', { model_name: 'x' }, status.PERMISSION_DENIED, 'clients may not load models'],
    ['RepositoryModelUnload', { model_name: 'x' }, status.PERMISSION_DENIED, 'clients may not unload models'],
  ])('%s %j', async (method, request, code, text) => {
    const failure = await client.failure(method, request);
    expect([failure.code, failure.details]).toEqual([code, text]);
  });

  it('of tokens are reported before the message is read', async () => {
    for (const [token, code, text] of [
      [null, status.UNAUTHENTICATED, 'a token is missing'],
      ['wrong', status.UNAUTHENTICATED, 'the token is unknown'],
      [HALVES_TOKENS.joinToken, status.PERMISSION_DENIED, 'the join token does not allow inference'],
    ] as const) {
      const other = connect(token);
      for (const method of ['ModelInfer', 'RepositoryIndex', 'ServerMetadata']) {
        const failure = await other.failure(method, method === 'ModelInfer' ? RAW_REQUEST : {});
        expect([failure.code, failure.details]).toEqual([code, text]);
      }
      const stream = other.stream();
      stream.on('data', () => {});
      const [error] = await once(stream, 'error');
      expect(error.code).toBe(code);
      expect(await other.call('ServerLive')).toEqual({ live: true });
      expect(await other.call('ServerReady')).toEqual({ ready: true });
    }
    expect(await connect(HALVES_TOKENS.operatorToken).call('ModelInfer', RAW_REQUEST)).toMatchObject({
      model_name: 'halves',
    });
  });

  it('of size name the limit', async () => {
    const failure = await client.failure('ModelInfer', { ...RAW_REQUEST, id: 'x'.repeat(LIMIT) });
    expect([failure.code, failure.details]).toEqual([
      status.RESOURCE_EXHAUSTED,
      expect.stringContaining(`${LIMIT}`),
    ]);
    const compressing = new TestGrpcClient(port, HALVES_TOKENS.inferToken, compressionAlgorithms.gzip);
    clients.push(compressing);
    const bomb = await compressing.failure('ModelInfer', { ...RAW_REQUEST, id: 'x'.repeat(1_000_000) });
    expect([bomb.code, bomb.details]).toEqual([
      status.RESOURCE_EXHAUSTED,
      expect.stringContaining(`decompresses to a size larger than ${LIMIT}`),
    ]);
    const answers = [
      await client.call('ModelInfer', RAW_REQUEST),
      await compressing.call('ModelInfer', RAW_REQUEST),
    ];
    expect(answers[1]).toEqual(answers[0]);
  });
});

describe('ModelStreamInfer', () => {
  it('answers in order, also if later requests finish first, and goes on after an error', async () => {
    const finish: (() => void)[] = [];
    halves.infer = (feeds) =>
      new Promise((resolve) => {
        finish.push(() => resolve(halve(feeds)));
        // All are running: the last one finishes first.
        if (finish.length === 5) for (const each of finish.reverse()) each();
      });
    const stream = client.stream();
    const answers: {
      error_message: string;
      infer_response: { id: string; raw_output_contents: Buffer[] };
    }[] = [];
    stream.on('data', (answer) => answers.push(answer));
    for (let at = 0; at < 6; at++) {
      const x = bytesOf(Float32Array.from([at, 0, 0]));
      const inputs = [{ ...RAW_REQUEST.inputs[0], shape: [1, 3] }, ...RAW_REQUEST.inputs.slice(1)];
      const model = at === 3 ? { model_name: 'none' } : {};
      stream.write({
        ...RAW_REQUEST,
        ...model,
        inputs,
        id: `${at}`,
        raw_input_contents: [x, ...RAW.slice(1)],
      });
    }
    stream.end();
    await once(stream, 'end');
    expect(answers.map(({ infer_response: { id } }) => id)).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(answers.map(({ error_message: text }) => text)).toEqual([
      '',
      '',
      '',
      "no deployment is named 'none'",
      '',
      '',
    ]);
    for (const at of [0, 1, 2, 4, 5]) {
      expect(answers[at]!.infer_response.raw_output_contents[0]!.readFloatLE(0)).toBe(at / 2);
    }
  });

  it('runs a limited number of requests at a time', async () => {
    let running = 0;
    let most = 0;
    let waiting: (() => void)[] = [];
    halves.infer = async (feeds) => {
      most = Math.max(most, ++running);
      if (waiting.length === 0) {
        setImmediate(() => {
          const ready = waiting;
          waiting = [];
          for (const each of ready) each();
        });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
      running--;
      return halve(feeds);
    };
    const stream = client.stream();
    let answered = 0;
    stream.on('data', () => answered++);
    for (let at = 0; at < 100; at++) stream.write(RAW_REQUEST);
    stream.end();
    await once(stream, 'end');
    expect(answered).toBe(100);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(16);
  });

  it('cancels its requests when the client goes away', async () => {
    const aborted = new Promise<void>((resolve) => {
      halves.infer = (_feeds: Readonly<Record<string, Tensor>>, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            resolve();
            reject(new Error('canceled'));
          });
          stream.cancel();
        });
    });
    const stream = client.stream();
    stream.on('data', () => {});
    stream.on('error', () => {});
    stream.write(RAW_REQUEST);
    await aborted;
  });
});

it('ends open streams when it closes', async () => {
  const stream = client.stream();
  stream.on('data', () => {});
  stream.write(RAW_REQUEST);
  await once(stream, 'data');
  const ended = once(stream, 'error');
  await server.close();
  expect((await ended)[0].code).toBe(status.CANCELLED);
});

it('says that its port is taken', async () => {
  const { access, backend } = halves;
  const other = new GrpcServer({ access, backend, version: '1' });
  await expect(other.listen('127.0.0.1', port)).rejects.toThrow('EADDRINUSE');
});
