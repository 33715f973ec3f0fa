import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedModelError } from './errors.ts';
import { readModel } from './reader.ts';
import { float32Data, NO_EXTERNAL_DATA, tensorBytes } from './tensor-data.ts';
import { decodeWithProtobufjs, encodeWithProtobufjs } from './testing/protobuf-schema.ts';
import { randomModel } from './testing/random-model.ts';
import { smallModel } from './testing/small-model.ts';
import { joinChunks, writeModel } from './writer.ts';

describe('reading and writing', () => {
  it('gives back every model that was written', () => {
    fc.assert(
      fc.property(randomModel, (model) => {
        expect(readModel(joinChunks(writeModel(model)))).toEqual(model);
      }),
      { numRuns: 60 },
    );
  });

  it('writes what protobufjs reads, and reads what protobufjs then writes', () => {
    fc.assert(
      fc.property(randomModel, (random) => {
        const model = { ...random, functions: [] };
        const decoded = decodeWithProtobufjs(joinChunks(writeModel(model)));
        expect(readModel(encodeWithProtobufjs(decoded))).toEqual(model);
      }),
      { numRuns: 40 },
    );
  });

  it('does not copy large weights, neither in nor out', () => {
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

  it('writes the same bytes for the same model', () => {
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
  ])('come out of %s as little-endian bytes', (field, dataType, values, expected) => {
    const bytes = read({ data_type: dataType, [field.split(' ')[0]!]: values });
    expect([...bytes]).toEqual([...new Uint8Array(expected.buffer)]);
  });

  it('are read unpacked too, as old exporters write them', () => {
    // Tensor { dims: 2, data_type: 1, float_data: 1, float_data: 2, name: "t" } with one field per element.
    const tensor = [0x08, 2, 0x10, 1, 0x25, 0, 0, 0x80, 0x3f, 0x25, 0, 0, 0, 0x40, 0x42, 1, 0x74];
    const graph = [0x2a, tensor.length, ...tensor];
    const { graph: read } = readModel(Uint8Array.from([0x3a, graph.length, ...graph]));
    expect([...float32Data(read.initializers[0]!, NO_EXTERNAL_DATA)]).toEqual([1, 2]);
  });

  it('must be as many as the shape says', () => {
    expect(() => read({ data_type: 1, float_data: [1, 2] })).toThrow(/tensor "t".*12 bytes, but holds 8/);
  });

  it('must not be given twice', () => {
    expect(() => read({ data_type: 1, float_data: [1, 2, 3], raw_data: new Uint8Array(12) })).toThrow(
      /twice/,
    );
  });
});

describe('hostile bytes', () => {
  const refused = (bytes: number[], message: RegExp) => {
    try {
      readModel(Uint8Array.from(bytes));
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedModelError);
      expect((error as Error).message).toMatch(message);
      return (error as MalformedModelError).offset;
    }
    throw new Error('was read');
  };

  it('are refused with the byte at which they go wrong', () => {
    expect(refused([0x08, 8, 0x3a, 0x7f, 0], /127 bytes, but only 1 are left/)).toBe(2);
    expect(refused([], /no graph/)).toBe(0);
    expect(refused([0x08], /end within a number/)).toBe(0);
    expect(refused([0x3a, 2, 0x0b, 0x0c], /wire type 3/)).toBe(2);
    expect(refused([0x00, 0x00], /invalid field tag/)).toBe(0);
    expect(refused([0x38, 1], /wire type 0 where 2/)).toBe(0);
    expect(refused([0x08, ...new Array(11).fill(0xff)], /more than ten bytes/)).toBe(0);
    expect(refused([0x3a, ...new Array(9).fill(0xff), 1], /too large|bytes, but only/)).toBe(0);
    expect(refused([0x3a, 0, 0x3a, 0], /two graphs/)).toBe(2);
    expect(refused([0x3a, 4, 0x12, 2, 0xc3, 0x28], /UTF-8/)).toBe(2);
    // dims: -1
    const negative = [0x08, ...new Array(9).fill(0xff), 1];
    refused([0x3a, negative.length + 2, 0x2a, negative.length, ...negative], /dimension of -1/);
  });

  it('cannot nest graphs without end', () => {
    let graph: number[] = [];
    for (let depth = 0; depth < 40; depth++) {
      const wrap = (field: number, body: number[]) => [
        field,
        (body.length & 0x7f) | 0x80,
        body.length >> 7,
        ...body,
      ];
      // graph.node.attribute.g, with the attribute's type
      graph = wrap(0x0a, wrap(0x2a, [...wrap(0x32, graph), 0xa0, 0x01, 5]));
    }
    refused([0x3a, (graph.length & 0x7f) | 0x80, graph.length >> 7, ...graph], /nested more than 32 deep/);
  });

  it('cannot make more objects than the limit, however few bytes each takes', () => {
    const graph = new Uint8Array(2 * 2_500_000);
    for (let at = 0; at < graph.length; at += 2) graph[at] = 0x0a;
    const header = [0x3a, 0, 0, 0, 0];
    for (let i = 0, rest = graph.length; i < 4; i++, rest >>= 7)
      header[i + 1] = (rest & 0x7f) | (i < 3 ? 0x80 : 0);
    expect(() => readModel(joinChunks([Uint8Array.from(header), graph]))).toThrow(/more than 2000000/);
  });
});
