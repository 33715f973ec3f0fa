/** Every datatype in JSON and in binary, in requests and responses; scalars and empty tensors. */
import {
  BYTES_PER_ELEMENT,
  bytesOf,
  ELEMENT_TYPES,
  type ElementType,
  type Tensor,
  viewTensorData,
} from '@sparewheel/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HALVES, HALVES_TOKENS, HalvesServer } from '../testing/halves-server.ts';
import { send } from '../testing/v2-client.ts';
import { DATATYPES } from './types.ts';

/** Limits of each type, as JSON writes them. */
const EXTREMES: Readonly<Record<ElementType, readonly (number | boolean)[]>> = {
  float32: [0, -1.5, 3.4028234663852886e38, 1.401298464324817e-45],
  float64: [0, 0.1, -Number.MAX_VALUE, Number.MIN_VALUE],
  int8: [-128, 127, 0, 1],
  uint8: [0, 255, 1, 2],
  int16: [-32_768, 32_767, 0, 1],
  uint16: [0, 65_535, 1, 2],
  int32: [-2_147_483_648, 2_147_483_647, 0, 1],
  uint32: [0, 4_294_967_295, 1, 2],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 0, 1],
  uint64: [0, Number.MAX_SAFE_INTEGER, 1, 2],
  bool: [true, false, false, true],
  float16: [0, -1.5, 65_504, 2 ** -24],
};
const BEYOND: Readonly<Record<ElementType, readonly unknown[]>> = {
  float32: [1e39, '1', null, true],
  float64: ['1', null],
  int8: [-129, 128, 0.5, '1', true],
  uint8: [-1, 256, 0.5],
  int16: [-32_769, 32_768],
  uint16: [-1, 65_536],
  int32: [-2_147_483_649, 2_147_483_648],
  uint32: [-1, 4_294_967_296],
  int64: [2 ** 53, -(2 ** 53), 0.5, '1'],
  uint64: [-1, 2 ** 53],
  bool: [2, -1, 'true', null],
  float16: [65_520, -1e39, '1', null, true],
};

let server: HalvesServer;
let port: number;
let received: Tensor;
beforeAll(async () => {
  server = new HalvesServer();
  for (const type of ELEMENT_TYPES) {
    for (const [shape, dims] of Object.entries({ vector: [-1], scalar: [], matrix: [2, -1] })) {
      const specs = [{ name: 'v', type, dims }];
      server.models.set(`${type}-${shape}`, {
        ...HALVES,
        name: `${type}-${shape}`,
        inputs: specs,
        outputs: specs,
      });
    }
  }
  server.infer = async (feeds) => {
    received = feeds.v!;
    return feeds as Record<string, Tensor>;
  };
  port = await server.listen();
});
afterAll(() => server.close());

const infer = (model: string, body: Uint8Array | string, headers = {}) =>
  send(port, 'POST', `/v2/models/${model}/infer`, { token: HALVES_TOKENS.inferToken, body, headers });

async function viaJson(type: ElementType, model: string, shape: number[], data: unknown) {
  const answer = await infer(
    `${type}-${model}`,
    JSON.stringify({ inputs: [{ name: 'v', shape, datatype: DATATYPES[type], data }] }),
  );
  return { status: answer.status, body: answer.json() };
}

/** Sends bytes, and returns the bytes of the answer. */
async function viaBinary(
  type: ElementType,
  model: string,
  shape: number[],
  bytes: Uint8Array,
): Promise<Buffer> {
  const input = {
    name: 'v',
    shape,
    datatype: DATATYPES[type],
    parameters: { binary_data_size: bytes.byteLength },
  };
  const header = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  const answer = await infer(`${type}-${model}`, Buffer.concat([header, bytes]), {
    'inference-header-content-length': header.byteLength,
  });
  expect(answer.status, answer.body.toString()).toBe(200);
  const length = Number(answer.headers['inference-header-content-length']);
  const [output] = JSON.parse(answer.body.subarray(0, length).toString()).outputs;
  expect(output).toEqual({ ...input, parameters: { binary_data_size: bytes.byteLength } });
  return answer.body.subarray(length);
}

describe.each(ELEMENT_TYPES)('%s', (type) => {
  const extremes = EXTREMES[type];

  it('keeps its extreme values in JSON, and the bytes are the same in binary', async () => {
    const { status, body } = await viaJson(type, 'vector', [4], extremes);
    expect([status, body.outputs[0].data]).toEqual([200, extremes]);
    const bytes = Uint8Array.from(bytesOf(received.data));
    expect(bytes.byteLength).toBe(4 * BYTES_PER_ELEMENT[type]);
    expect((await viaBinary(type, 'vector', [4], bytes)).equals(bytes)).toBe(true);
    expect(bytesOf(received.data)).toEqual(bytes);
  });

  it.each(BEYOND[type].map((value) => [JSON.stringify(value), value]))('refuses %s', async (_text, value) => {
    const { status, body } = await viaJson(type, 'vector', [2], [extremes[0], value]);
    expect([status, body.code]).toEqual([400, expect.stringMatching(/^(wrong-value|not-finite)$/)]);
    expect(body.error).toContain("element 1 of 'v'");
  });

  it('accepts a scalar as a number, as an array, and in binary', async () => {
    for (const data of [extremes[1], [extremes[1]]]) {
      const { status, body } = await viaJson(type, 'scalar', [], data);
      expect([status, body.outputs[0]]).toEqual([
        200,
        { name: 'v', datatype: DATATYPES[type], shape: [], data: [extremes[1]] },
      ]);
    }
    const bytes = bytesOf(received.data);
    expect((await viaBinary(type, 'scalar', [], bytes)).equals(bytes)).toBe(true);
    expect((await viaJson(type, 'scalar', [], extremes)).body.code).toBe('wrong-length');
  });

  it('accepts empty tensors', async () => {
    for (const [model, shape, data] of [
      ['vector', [0], []],
      ['matrix', [2, 0], []],
      ['matrix', [2, 0], [[], []]],
    ] as const) {
      const { status, body } = await viaJson(type, model, [...shape], data);
      expect([status, body.outputs[0]]).toEqual([
        200,
        { name: 'v', datatype: DATATYPES[type], shape, data: [] },
      ]);
      expect(received).toEqual({ type, dims: shape, data: viewTensorData(type, new Uint8Array()) });
      expect(await viaBinary(type, model, [...shape], new Uint8Array())).toHaveLength(0);
    }
    expect((await viaJson(type, 'vector', [1], [])).body.code).toBe('wrong-length');
    expect((await viaJson(type, 'matrix', [0, 2], [])).body.code).toBe('wrong-shape');
  });
});

describe('a 64-bit integer beyond 2⁵³', () => {
  it('is exact in binary, and in a JSON response', async () => {
    const values = BigInt64Array.of(2n ** 62n + 1n, -(2n ** 63n));
    expect((await viaBinary('int64', 'vector', [2], bytesOf(values))).equals(bytesOf(values))).toBe(true);
    const header = Buffer.from(
      JSON.stringify({
        inputs: [{ name: 'v', shape: [2], datatype: 'INT64', parameters: { binary_data_size: 16 } }],
      }),
    );
    const answer = await infer('int64-vector', Buffer.concat([header, bytesOf(values)]), {
      'inference-header-content-length': header.byteLength,
    });
    expect(answer.body.toString()).toContain('"data":[4611686018427387905,-9223372036854775808]');
  });
});

describe('FP16 in JSON', () => {
  it('is rounded to the nearest value, and written exactly', async () => {
    const { body } = await viaJson('float16', 'vector', [3], [1 / 3, 1e-9, -65_519]);
    expect(received.data).toEqual(Uint16Array.of(0x3555, 0, 0xfbff));
    expect(body.outputs[0].data).toEqual([0.333251953125, 0, -65_504]);
  });

  it('is refused in binary if it is NaN or infinite', async () => {
    for (const bits of [0x7c00, 0x7e00]) {
      const bytes = bytesOf(Uint16Array.of(0x3c00, bits));
      const input = { name: 'v', shape: [2], datatype: 'FP16', parameters: { binary_data_size: 4 } };
      const header = Buffer.from(JSON.stringify({ inputs: [input] }));
      const answer = await infer('float16-vector', Buffer.concat([header, bytes]), {
        'inference-header-content-length': header.byteLength,
      });
      expect([answer.status, answer.json().code]).toEqual([400, 'not-finite']);
    }
  });
});

describe('another datatype than that of the input', () => {
  it.each(['FP16', 'BF16', 'BYTES', 'FP64', 'fp32', ''])('%j is refused by name', async (datatype) => {
    const body = JSON.stringify({ inputs: [{ name: 'v', shape: [1], datatype, data: [1] }] });
    const answer = await infer('float32-vector', body);
    expect([answer.status, answer.json().error]).toEqual([400, `input 'v' is ${datatype}, expected FP32`]);
  });
});

describe('a request with', () => {
  const input = { name: 'v', shape: [1], datatype: 'FP32', data: [1] };
  it.each([
    ['an unknown field', { inputs: [input], output: [] }, "the field 'output' is unknown"],
    [
      'an unknown field of an input',
      { inputs: [{ ...input, dtype: 'FP32' }] },
      "the field 'inputs.0.dtype' is unknown",
    ],
    [
      'an unknown field of an output',
      { inputs: [input], outputs: [{ name: 'v', binary: true }] },
      "the field 'outputs.0.binary' is unknown",
    ],
    [
      'shared memory',
      { inputs: [{ ...input, data: undefined, parameters: { shared_memory_region: 'r' } }] },
      "'v' uses shared memory, which is not supported",
    ],
    [
      'another model’s name',
      { inputs: [input], model_name: 'other' },
      "the path names 'float32-vector', but the field model_name is 'other'",
    ],
  ])('%s is refused by name', async (_what, body, message) => {
    const answer = await infer('float32-vector', JSON.stringify(body));
    expect([answer.status, answer.json().error]).toEqual([400, message]);
  });

  it('parameters of other servers is accepted', async () => {
    const parameters = { sequence_id: 5, priority: 1, mine: 'x' };
    const body = {
      model_name: 'float32-vector',
      parameters,
      inputs: [{ ...input, parameters: { mine: 1 } }],
    };
    expect((await infer('float32-vector', JSON.stringify(body))).status).toBe(200);
  });
});
