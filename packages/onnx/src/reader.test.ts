import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { MalformedModelError } from './errors.ts';
import { readModel } from './reader.ts';
import { float32Data, NO_EXTERNAL_DATA, tensorBytes } from './tensor-data.ts';
import { randomModel } from './testing/random-model.ts';
import { smallModel } from './testing/small-model.ts';
import { joinChunks, writeModel } from './writer.ts';

/** The supported part of onnx.proto, for a cross-check with protobufjs. */
const SCHEMA = `
syntax = "proto2";
message Entry { optional string key = 1; optional string value = 2; }
message Tensor {
  repeated int64 dims = 1; optional int32 data_type = 2; repeated float float_data = 4 [packed = true];
  repeated int32 int32_data = 5 [packed = true]; repeated bytes string_data = 6;
  repeated int64 int64_data = 7 [packed = true]; optional string name = 8; optional bytes raw_data = 9;
  repeated double double_data = 10 [packed = true]; repeated uint64 uint64_data = 11 [packed = true];
  optional string doc_string = 12; repeated Entry external_data = 13; optional int32 data_location = 14;
}
message Attribute {
  optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4; optional Tensor t = 5;
  optional Graph g = 6; repeated float floats = 7; repeated int64 ints = 8; repeated bytes strings = 9;
  repeated Tensor tensors = 10; repeated Graph graphs = 11; optional int32 type = 20;
}
message Node {
  repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4;
  repeated Attribute attribute = 5; optional string doc_string = 6; optional string domain = 7;
}
message Dimension { optional int64 dim_value = 1; optional string dim_param = 2; }
message Shape { repeated Dimension dim = 1; }
message TensorType { optional int32 elem_type = 1; optional Shape shape = 2; }
message Type { optional TensorType tensor_type = 1; }
message ValueInfo { optional string name = 1; optional Type type = 2; }
message Graph {
  repeated Node node = 1; optional string name = 2; repeated Tensor initializer = 5; optional string doc_string = 10;
  repeated ValueInfo input = 11; repeated ValueInfo output = 12; repeated ValueInfo value_info = 13;
}
message OpsetImport { optional string domain = 1; optional int64 version = 2; }
message Model {
  optional int64 ir_version = 1; optional string producer_name = 2; optional Graph graph = 7;
  repeated OpsetImport opset_import = 8;
}
`;

const ModelProto = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('Model');

/** Decodes with protobufjs. Integers become strings and bytes become arrays, as `fromObject` accepts them. */
function decodeWithProtobufjs(bytes: Uint8Array): Record<string, unknown> {
  return ModelProto.toObject(ModelProto.decode(bytes), { longs: String, bytes: Array });
}

/** Encodes an object of the schema with protobufjs. */
function encodeWithProtobufjs(model: Record<string, unknown>): Uint8Array {
  return ModelProto.encode(ModelProto.fromObject(model)).finish();
}

describe('reading and writing', () => {
  it('round-trips every model', () => {
    fc.assert(
      fc.property(randomModel, (model) => {
        expect(readModel(joinChunks(writeModel(model)))).toEqual(model);
      }),
      { numRuns: 60 },
    );
  });

  it('agrees with protobufjs in both directions', () => {
    fc.assert(
      fc.property(randomModel, (random) => {
        const model = { ...random, functions: [] };
        const decoded = decodeWithProtobufjs(joinChunks(writeModel(model)));
        expect(readModel(encodeWithProtobufjs(decoded))).toEqual(model);
      }),
      { numRuns: 40 },
    );
  });

  it('does not copy large weights', () => {
    const data = new Uint8Array(40_000);
    const model = smallModel();
    const large = {
      name: 'large',
      dims: [10_000],
      dataType: 1,
      storage: { kind: 'raw' as const, bytes: data },
    };
    const chunks = writeModel({ ...model, graph: { ...model.graph, initializers: [large] } });
    expect(chunks).toContain(data);
    const bytes = joinChunks(chunks);
    expect(tensorBytes(readModel(bytes).graph.initializers[0]!, NO_EXTERNAL_DATA).buffer).toBe(bytes.buffer);
  });

  it('is deterministic', () => {
    expect(joinChunks(writeModel(smallModel()))).toEqual(joinChunks(writeModel(smallModel())));
  });
});

describe('tensor elements', () => {
  const read = (tensor: Record<string, unknown>) => {
    const bytes = encodeWithProtobufjs({
      ir_version: 8,
      graph: { initializer: [{ name: 't', dims: [3], ...tensor }] },
    });
    return tensorBytes(readModel(bytes).graph.initializers[0]!, NO_EXTERNAL_DATA);
  };

  it.each([
    ['float_data', 1, [1.5, -2, 3], new Float32Array([1.5, -2, 3])],
    ['int32_data as int32', 6, [1, -2, 2147483647], new Int32Array([1, -2, 2147483647])],
    ['int32_data as int8', 3, [1, -2, 127], new Int8Array([1, -2, 127])],
    ['int32_data as uint8', 2, [1, 200, 255], new Uint8Array([1, 200, 255])],
    ['int32_data as int16', 5, [1, -300, 300], new Int16Array([1, -300, 300])],
    ['int32_data as bool', 9, [1, 0, 1], new Uint8Array([1, 0, 1])],
    ['int32_data as float16', 10, [0x3c00, 0xbc00, 0], new Uint16Array([0x3c00, 0xbc00, 0])],
    ['int64_data', 7, [1, -2, 5_000_000_000], new BigInt64Array([1n, -2n, 5_000_000_000n])],
    ['double_data', 11, [1.1, -2.2, 3.3], new Float64Array([1.1, -2.2, 3.3])],
    ['uint64_data as uint64', 13, [1, 2, 3], new BigUint64Array([1n, 2n, 3n])],
    ['uint64_data as uint32', 12, [1, 2, 4_000_000_000], new Uint32Array([1, 2, 4_000_000_000])],
  ])('are read from %s as little-endian bytes', (field, dataType, values, expected) => {
    const bytes = read({ data_type: dataType, [field.split(' ')[0]!]: values });
    expect([...bytes]).toEqual([...new Uint8Array(expected.buffer)]);
  });

  it('are read from unpacked fields of old exporters', () => {
    // Tensor { dims: 2, data_type: 1, float_data: 1, float_data: 2, name: "t" }, with one field per element.
    const tensor = [0x08, 2, 0x10, 1, 0x25, 0, 0, 0x80, 0x3f, 0x25, 0, 0, 0, 0x40, 0x42, 1, 0x74];
    const graph = [0x2a, tensor.length, ...tensor];
    const { graph: read } = readModel(Uint8Array.from([0x3a, graph.length, ...graph]));
    expect([...float32Data(read.initializers[0]!, NO_EXTERNAL_DATA)]).toEqual([1, 2]);
  });

  it('are rejected if their number does not match the shape', () => {
    expect(() => read({ data_type: 1, float_data: [1, 2] })).toThrow(/tensor "t".*12 bytes, but holds 8/);
  });

  it('are rejected if present twice', () => {
    expect(() => read({ data_type: 1, float_data: [1, 2, 3], raw_data: new Uint8Array(12) })).toThrow(
      /twice/,
    );
  });
});

describe('hostile bytes', () => {
  const rejectedAt = (bytes: number[], message: RegExp) => {
    try {
      readModel(Uint8Array.from(bytes));
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedModelError);
      expect((error as Error).message).toMatch(message);
      return (error as MalformedModelError).offset;
    }
    throw new Error('accepted malformed bytes');
  };

  it('are rejected with the byte offset of the error', () => {
    expect(rejectedAt([0x08, 8, 0x3a, 0x7f, 0], /127 bytes, but only 1 are left/)).toBe(2);
    expect(rejectedAt([], /no graph/)).toBe(0);
    expect(rejectedAt([0x08], /end within a number/)).toBe(0);
    expect(rejectedAt([0x3a, 2, 0x0b, 0x0c], /wire type 3/)).toBe(2);
    expect(rejectedAt([0x00, 0x00], /invalid field tag/)).toBe(0);
    expect(rejectedAt([0x38, 1], /wire type 0; expected 2/)).toBe(0);
    expect(rejectedAt([0x08, ...new Array(11).fill(0xff)], /more than ten bytes/)).toBe(0);
    expect(rejectedAt([0x3a, ...new Array(9).fill(0xff), 1], /too large|bytes, but only/)).toBe(0);
    expect(rejectedAt([0x3a, 0, 0x3a, 0], /two graphs/)).toBe(2);
    expect(rejectedAt([0x3a, 4, 0x12, 2, 0xc3, 0x28], /UTF-8/)).toBe(2);
    // dims: -1
    const negative = [0x08, ...new Array(9).fill(0xff), 1];
    rejectedAt([0x3a, negative.length + 2, 0x2a, negative.length, ...negative], /dimension of -1/);
  });

  it('are rejected if graphs are nested too deep', () => {
    let graph: number[] = [];
    for (let depth = 0; depth < 40; depth++) {
      const wrap = (field: number, body: number[]) => [
        field,
        (body.length & 0x7f) | 0x80,
        body.length >> 7,
        ...body,
      ];
      // graph.node.attribute.g, with the attribute type.
      graph = wrap(0x0a, wrap(0x2a, [...wrap(0x32, graph), 0xa0, 0x01, 5]));
    }
    rejectedAt([0x3a, (graph.length & 0x7f) | 0x80, graph.length >> 7, ...graph], /nested more than 32 deep/);
  });

  it('are rejected if they contain more objects than the limit', () => {
    const graph = new Uint8Array(2 * 2_500_000);
    for (let at = 0; at < graph.length; at += 2) graph[at] = 0x0a;
    const header = [0x3a, 0, 0, 0, 0];
    for (let i = 0, rest = graph.length; i < 4; i++, rest >>= 7)
      header[i + 1] = (rest & 0x7f) | (i < 3 ? 0x80 : 0);
    expect(() => readModel(joinChunks([Uint8Array.from(header), graph]))).toThrow(/more than 2000000/);
  });
});
