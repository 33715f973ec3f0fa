/** Every datatype over HTTP in JSON and binary, and over gRPC; scalars and empty tensors. */
import {
  BYTES_PER_ELEMENT,
  bytesOf,
  encodeStrings,
  joinStrings,
  TENSOR_TYPES,
  type Tensor,
  type TensorType,
  viewTensorData,
} from '@sparewheel/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GrpcServer } from '../grpc/grpc-server.ts';
import { TestGrpcClient } from '../testing/grpc-client.ts';
import { HALVES, HALVES_TOKENS, HalvesServer } from '../testing/halves-server.ts';
import { send } from '../testing/v2-client.ts';
import { DATATYPES } from './types.ts';

/** Limits of each type, as JSON writes them. */
const EXTREMES: Readonly<Record<TensorType, readonly (number | boolean | string)[]>> = {
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
  string: ['', 'é😀', 'a"b\\\n', '0'],
};
const BEYOND: Readonly<Record<TensorType, readonly unknown[]>> = {
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
  string: [1, null, true, 'a\0b'],
};
/** The field of a gRPC request for each type; FP16 has none. */
const CONTENTS: Readonly<Record<Exclude<TensorType, 'float16'>, string>> = {
  float32: 'fp32_contents',
  float64: 'fp64_contents',
  int8: 'int_contents',
  int16: 'int_contents',
  int32: 'int_contents',
  int64: 'int64_contents',
  uint8: 'uint_contents',
  uint16: 'uint_contents',
  uint32: 'uint_contents',
  uint64: 'uint64_contents',
  bool: 'bool_contents',
  string: 'bytes_contents',
};

let server: HalvesServer;
let grpcServer: GrpcServer;
let grpc: TestGrpcClient;
let port: number;
let received: Tensor;
beforeAll(async () => {
  server = new HalvesServer();
  for (const type of TENSOR_TYPES) {
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
  grpcServer = new GrpcServer({ access: server.access, backend: server.backend, version: '1' });
  grpc = new TestGrpcClient(await grpcServer.listen('127.0.0.1', 0), HALVES_TOKENS.inferToken);
});
afterAll(async () => {
  grpc.close();
  await grpcServer.close();
  await server.close();
});

const infer = (model: string, body: Uint8Array | string, headers = {}) =>
  send(port, 'POST', `/v2/models/${model}/infer`, { token: HALVES_TOKENS.inferToken, body, headers });

async function viaJson(type: TensorType, model: string, shape: number[], data: unknown) {
  const answer = await infer(
    `${type}-${model}`,
    JSON.stringify({ inputs: [{ name: 'v', shape, datatype: DATATYPES[type], data }] }),
  );
  return { status: answer.status, body: answer.json() };
}

/** Sends bytes, and returns the bytes of the answer. */
async function viaBinary(
  type: TensorType,
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

/** Sends a tensor over gRPC, and returns the bytes and the description of the output. */
async function viaGrpc(type: TensorType, model: string, shape: number[], content: Uint8Array | object) {
  const input = { name: 'v', datatype: DATATYPES[type], shape };
  const raw = content instanceof Uint8Array;
  const { outputs, raw_output_contents: bytes } = await grpc.call('ModelInfer', {
    model_name: `${type}-${model}`,
    inputs: [raw ? input : { ...input, contents: content }],
    ...(raw ? { raw_input_contents: [Buffer.from(content)] } : {}),
  });
  return { bytes: bytes[0] as Buffer, output: outputs[0] };
}

describe.each(TENSOR_TYPES)('%s', (type) => {
  const extremes = EXTREMES[type];

  it('keeps its extreme values in JSON, and the bytes are the same in binary', async () => {
    const { status, body } = await viaJson(type, 'vector', [4], extremes);
    expect([status, body.outputs[0].data]).toEqual([200, extremes]);
    const bytes = Uint8Array.from(bytesOf(received.data));
    if (type !== 'string') expect(bytes.byteLength).toBe(4 * BYTES_PER_ELEMENT[type]);
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

describe.each(TENSOR_TYPES)('%s over gRPC', (type) => {
  /** The same elements as over HTTP in JSON. */
  async function sent(model: string, shape: number[], data: readonly unknown[]): Promise<Uint8Array> {
    await viaJson(type, model, shape, data);
    return Uint8Array.from(bytesOf(received.data));
  }

  it.each([
    ['a vector', 'vector', [4], EXTREMES[type]],
    ['a scalar', 'scalar', [], EXTREMES[type].slice(1, 2)],
    ['an empty vector', 'vector', [0], []],
    ['an empty matrix', 'matrix', [2, 0], []],
  ] as const)('carries %s in raw contents, and in typed ones', async (_what, model, shape, data) => {
    const bytes = await sent(model, [...shape], data);
    const expected = {
      bytes: Buffer.from(bytes),
      output: { name: 'v', datatype: DATATYPES[type], shape: shape.map(String) },
    };
    expect(await viaGrpc(type, model, [...shape], bytes)).toMatchObject(expected);
    expect(received).toMatchObject({ type, dims: shape });
    if (type === 'float16') return;
    const values = type === 'string' ? data.map((text) => Buffer.from(String(text))) : data;
    expect(await viaGrpc(type, model, [...shape], { [CONTENTS[type]]: values })).toMatchObject(expected);
  });
});

describe('BYTES', () => {
  /** As Triton's client serializes np.array(['1', 'zwei', ''], dtype=object). */
  const THREE = Buffer.from('0100000031' + '040000007a776569' + '00000000', 'hex');

  it('have the bytes of the recorded request and response', async () => {
    // The body that Triton's client sends for one BYTES input.
    const header =
      '{"inputs":[{"name":"v","shape":[3],"datatype":"BYTES","parameters":{"binary_data_size":17}}],"parameters":{"binary_data_output":true}}';
    const answer = await infer('string-vector', Buffer.concat([Buffer.from(header), THREE]), {
      'inference-header-content-length': Buffer.byteLength(header),
    });
    const length = Number(answer.headers['inference-header-content-length']);
    expect(answer.body.subarray(length).toString('hex')).toBe(THREE.toString('hex'));
    expect((await viaJson('string', 'vector', [3], ['1', 'zwei', ''])).body.outputs[0].data).toEqual([
      '1',
      'zwei',
      '',
    ]);
    expect(Buffer.from(received.data as Uint8Array).equals(THREE)).toBe(true);
  });

  it('may be nested in JSON, in rows', async () => {
    const rows = [
      ['a', 'b'],
      ['c', 'd'],
    ];
    const { body } = await viaJson('string', 'matrix', [2, 2], rows);
    expect(body.outputs[0].data).toEqual(['a', 'b', 'c', 'd']);
  });

  it.each([
    [
      'an element that is cut off',
      THREE.subarray(0, -1),
      [3],
      'wrong-value',
      "element 2 of 'v' is longer than the data",
    ],
    [
      'a length beyond the data',
      Buffer.from('ffffff7f61', 'hex'),
      [1],
      'wrong-value',
      "element 0 of 'v' is longer",
    ],
    ['too few elements', THREE, [4], 'wrong-length', "'v' has 3 elements, but its shape [4] needs 4"],
    ['too many elements', THREE, [2], 'wrong-length', "'v' has 3 elements, but its shape [2] needs 2"],
    [
      'bytes that are not UTF-8',
      joinStrings([Uint8Array.of(0xc3)]),
      [1],
      'wrong-value',
      'is not valid UTF-8',
    ],
    ['U+0000', encodeStrings(['\0']), [1], 'wrong-value', 'contains the character U+0000'],
  ])('with %s are refused by name, over HTTP and gRPC', async (_what, bytes, shape, code, message) => {
    const input = { name: 'v', shape, datatype: 'BYTES', parameters: { binary_data_size: bytes.byteLength } };
    const header = Buffer.from(JSON.stringify({ inputs: [input] }));
    const answer = await infer('string-vector', Buffer.concat([header, bytes]), {
      'inference-header-content-length': header.byteLength,
    });
    expect([answer.status, answer.json().code]).toEqual([400, code]);
    expect(answer.json().error).toContain(message);
    await expect(viaGrpc('string', 'vector', shape, bytes)).rejects.toThrow(message);
  });

  it('have no classes', async () => {
    const outputs = [{ name: 'v', parameters: { classification: 1 } }];
    const body = { inputs: [{ name: 'v', shape: [1], datatype: 'BYTES', data: ['a'] }], outputs };
    const answer = await infer('string-vector', JSON.stringify(body));
    expect([answer.status, answer.json().error]).toEqual([
      400,
      "output 'v' is BYTES, which has no highest values",
    ]);
  });

  it('are TYPE_STRING in the model configuration', async () => {
    const { body } = await send(port, 'GET', '/v2/models/string-vector/config', {
      token: HALVES_TOKENS.inferToken,
    });
    expect(JSON.parse(body.toString()).input[0].data_type).toBe('TYPE_STRING');
    const { config } = await grpc.call('ModelConfig', { name: 'string-vector' });
    expect(config.input[0].data_type).toBe('TYPE_STRING');
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
