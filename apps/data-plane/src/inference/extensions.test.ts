/** The extensions of the protocol: configuration, repository, statistics and classification. */
import { OverloadedError } from '@sparewheel/coordinator';
import type { Tensor } from '@sparewheel/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HALVES, HALVES_TOKENS, HalvesServer } from '../testing/halves-server.ts';
import { send } from '../testing/v2-client.ts';
import { CallStatistics } from './call-statistics.ts';
import { topClasses } from './classification.ts';

const token = HALVES_TOKENS.inferToken;
const INPUTS = [
  { name: 'x', shape: [2, 3], datatype: 'FP32', data: [3, 1, 2, 0.2, 8, 8] },
  { name: 'n', shape: [2], datatype: 'INT64', data: [41, 7] },
  { name: 'mask', shape: [2], datatype: 'BOOL', data: [true, false] },
];

let server: HalvesServer;
let port: number;
beforeEach(async () => {
  server = new HalvesServer();
  server.models.set('halves', { ...HALVES, statistics: new CallStatistics(() => 1_700_000_000_123) });
  server.models.set('late', { ...HALVES, name: 'late', state: 'LOADING', reason: 'shards are being sent' });
  port = await server.listen();
});
afterEach(() => server.close());

const get = (path: string) => send(port, 'GET', path, { token });
const post = (path: string, body: unknown = undefined) =>
  send(port, 'POST', path, { token, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

describe('the model configuration', () => {
  it.each(['/v2/models/halves/config', '/v2/models/halves/versions/1/config'])('%s', async (path) => {
    const { status, json } = await get(path);
    expect(status).toBe(200);
    expect(json()).toMatchObject({
      name: 'halves',
      max_batch_size: 0,
      input: [
        { name: 'x', data_type: 'TYPE_FP32', dims: [-1, 3] },
        { name: 'n', data_type: 'TYPE_INT64', dims: [2] },
        { name: 'mask', data_type: 'TYPE_BOOL', dims: [2] },
      ],
      output: [{ name: 'y' }, { name: 'm' }, { name: 'flag' }],
    });
  });
});

describe('the model repository', () => {
  const halves = { name: 'halves', version: '1', state: 'READY', reason: '' };
  const late = { name: 'late', version: '1', state: 'LOADING', reason: 'shards are being sent' };

  it('lists the deployments for an inference token', async () => {
    for (const body of [undefined, {}, { ready: false }]) {
      expect((await post('/v2/repository/index', body)).json()).toEqual([halves, late]);
    }
    expect((await post('/v2/repository/index', { ready: true })).json()).toEqual([halves]);
  });

  it.each([
    ['no JSON', '{', 'invalid-json'],
    ['another type', '{"ready":1}', 'invalid-request'],
    ['an unknown field', '{"reedy":true}', 'invalid-request'],
    ['null', 'null', 'invalid-request'],
  ])('refuses %s', async (_what, body, code) => {
    const answer = await send(port, 'POST', '/v2/repository/index', { token, body });
    expect([answer.status, answer.json().code]).toEqual([400, code]);
  });

  it.each(['load', 'unload'])('does not permit %s', async (action) => {
    const answer = await post(`/v2/repository/models/halves/${action}`, { parameters: { config: '{}' } });
    expect([answer.status, answer.json().code]).toEqual([403, 'not-permitted']);
    expect(answer.json().error).toBe(`clients may not ${action} models`);
  });

  it('is closed without a token', async () => {
    for (const path of ['/v2/repository/index', '/v2/repository/models/halves/load']) {
      expect((await send(port, 'POST', path)).status).toBe(401);
    }
  });
});

describe('statistics', () => {
  const statistics = async () => (await get('/v2/models/halves/stats')).json().model_stats[0];

  it('are zero before the first call', async () => {
    expect(await statistics()).toMatchObject({
      name: 'halves',
      version: '1',
      last_inference: 0,
      inference_count: 0,
      inference_stats: { success: { count: 0, ns: 0 }, fail: { count: 0, ns: 0 } },
      batch_stats: [],
    });
  });

  it('count answered and failed calls with their times', async () => {
    for (let call = 0; call < 3; call++)
      expect((await post('/v2/models/halves/infer', { inputs: INPUTS })).status).toBe(200);
    expect((await post('/v2/models/halves/infer', { inputs: [] })).status).toBe(400);
    server.infer = async () => Promise.reject(new OverloadedError('halves', 64, 256, 1500));
    expect((await post('/v2/models/halves/infer', { inputs: INPUTS })).status).toBe(503);
    const { inference_stats: stats, batch_stats: batches, ...totals } = await statistics();
    expect(totals).toMatchObject({
      last_inference: 1_700_000_000_123,
      inference_count: 3,
      execution_count: 3,
    });
    expect(stats).toMatchObject({
      success: { count: 3 },
      fail: { count: 2 },
      cache_hit: { count: 0, ns: 0 },
    });
    const parts = [stats.queue, stats.compute_input, stats.compute_infer, stats.compute_output];
    expect(parts.map(({ count }) => count)).toEqual([3, 3, 3, 3]);
    const sum = parts.reduce((total, { ns }) => total + ns, 0);
    // Each of the twelve parts is rounded to whole nanoseconds.
    expect(Math.abs(stats.success.ns - sum)).toBeLessThanOrEqual(12);
    expect(stats.success.ns).toBeGreaterThan(0);
    expect(stats.fail.ns).toBeGreaterThan(0);
    expect(batches).toEqual([
      {
        batch_size: 1,
        compute_input: stats.compute_input,
        compute_infer: stats.compute_infer,
        compute_output: stats.compute_output,
      },
    ]);
  });

  it('are listed for all deployments, and by version', async () => {
    const names = (await get('/v2/models/stats'))
      .json()
      .model_stats.map(({ name }: { name: string }) => name);
    expect(names).toEqual(['halves', 'late']);
    expect((await get('/v2/models/halves/versions/1/stats')).json().model_stats).toHaveLength(1);
    expect((await get('/v2/models/halves/versions/2/stats')).json().code).toBe('unknown-version');
    expect((await get('/v2/models/none/stats')).json().code).toBe('unknown-model');
  });

  it('add the time in the queue', () => {
    const counted = new CallStatistics(() => 5);
    counted.succeeded({ queueMs: 1, inputMs: 2, inferMs: 4, outputMs: 8 });
    counted.succeeded({ queueMs: 0.5, inputMs: 0, inferMs: 0, outputMs: 0 });
    counted.failed(16);
    expect(counted.view()).toEqual({
      lastInference: 5,
      success: { count: 2, ns: 15_500_000 },
      fail: { count: 1, ns: 16_000_000 },
      queue: { count: 2, ns: 1_500_000 },
      input: { count: 2, ns: 2_000_000 },
      infer: { count: 2, ns: 4_000_000 },
      output: { count: 2, ns: 8_000_000 },
    });
  });
});

describe('classification', () => {
  const classify = (parameters: object) =>
    post('/v2/models/halves/infer', { inputs: INPUTS, outputs: [{ name: 'y', parameters }, { name: 'm' }] });

  it('returns the highest values of each row, in JSON', async () => {
    const { outputs } = (await classify({ classification: 2 })).json();
    expect(outputs).toEqual([
      { name: 'y', datatype: 'BYTES', shape: [2, 2], data: ['1.5:0', '1:2', '4:1', '4:2'] },
      { name: 'm', datatype: 'INT64', shape: [2], data: [42, 8] },
    ]);
  });

  it('returns the same strings in binary, each after its length', async () => {
    const answer = await classify({ classification: 9, binary_data: true });
    const length = Number(answer.headers['inference-header-content-length']);
    const [output] = JSON.parse(answer.body.subarray(0, length).toString()).outputs;
    expect(output).toMatchObject({ datatype: 'BYTES', shape: [2, 3] });
    const bytes = answer.body.subarray(length, length + output.parameters.binary_data_size);
    const texts: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = bytes.readUInt32LE(at);
      texts.push(bytes.subarray(at + 4, at + 4 + size).toString());
      at += 4 + size;
    }
    expect(texts).toEqual(['1.5:0', '1:2', '0.5:1', '4:1', '4:2', '0.1:0']);
  });

  it.each([0, -1, 1.5, '2', null])('refuses %j classes', async (classification) => {
    const answer = await classify({ classification });
    expect([answer.status, answer.json().code]).toEqual([400, 'invalid-request']);
  });

  it.each<[string, Tensor, number, readonly number[], readonly string[]]>([
    ['a vector', float([4], [1, 5, 10, 4]), 2, [2], ['10:2', '5:1']],
    ['a scalar', float([], [0.1]), 3, [1], ['0.1:0']],
    ['several axes', float([1, 2, 2], [1, 4, 3, 2]), 3, [1, 3], ['4:1', '3:2', '2:3']],
    ['no rows', float([0, 4], []), 2, [0, 0], []],
    ['no classes', float([2, 0], []), 2, [2, 0], []],
    ['small values', float([2], [1e-9, -1e-9]), 2, [2], ['1e-9:0', '-1e-9:1']],
    [
      '64-bit integers',
      { type: 'int64', dims: [3], data: BigInt64Array.of(2n ** 60n, -1n, 2n ** 60n + 1n) },
      3,
      [3],
      ['1152921504606846977:2', '1152921504606846976:0', '-1:1'],
    ],
    [
      'half precision, as the shortest decimals',
      { type: 'float16', dims: [3], data: Uint16Array.of(0x3555, 0xc000, 0x2e66) },
      3,
      [3],
      ['0.3333:0', '0.1:2', '-2:1'],
    ],
    ['booleans', { type: 'bool', dims: [3], data: Uint8Array.of(0, 1, 0) }, 2, [2], ['1:1', '0:0']],
  ])('handles %s', (_what, tensor, count, shape, texts) => {
    expect(topClasses(tensor, count)).toEqual({ shape, texts });
  });

  it('writes float32 values so that they are read back exactly', () => {
    const values = Float32Array.from({ length: 500 }, (_, at) =>
      Math.fround(Math.exp(at / 7 - 30) * Math.sin(at)),
    );
    for (const text of topClasses(float([500], values), 500).texts) {
      const [value, index] = text.split(':');
      expect(Math.fround(Number(value))).toBe(values[Number(index)]);
    }
  });
});

function float(dims: readonly number[], values: ArrayLike<number>): Tensor<'float32'> {
  return { type: 'float32', dims, data: Float32Array.from(values) };
}
