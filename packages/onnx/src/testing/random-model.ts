import fc from 'fast-check';
import type {
  Attribute,
  AttributeValue,
  ConstantTensor,
  Dimension,
  Graph,
  Model,
  Node,
  ValueInfo,
} from '../model.ts';

const name = fc.string({ unit: 'grapheme', maxLength: 12 });
const bytes = fc.uint8Array({ maxLength: 12 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const float32 = fc.float({ noNaN: true });

const tensor: fc.Arbitrary<ConstantTensor> = fc.oneof(
  fc
    .record({ name, dims: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }) })
    .chain(({ name: called, dims }) => {
      const length = 4 * dims.reduce((product, dim) => product * dim, 1);
      return fc.uint8Array({ minLength: length, maxLength: length }).map((raw) => ({
        name: called,
        dims,
        dataType: 1,
        storage: { kind: 'raw', bytes: raw } as const,
      }));
    }),
  // Large enough for a separate chunk.
  fc.uint8Array({ minLength: 5000, maxLength: 5000 }).map((raw) => ({
    name: 'large',
    dims: [1250],
    dataType: 1,
    storage: { kind: 'raw', bytes: raw } as const,
  })),
  fc.array(bytes, { maxLength: 3 }).map((values) => ({
    name: 'text',
    dims: [values.length],
    dataType: 8,
    storage: { kind: 'strings', values } as const,
  })),
  fc.nat().map((offset) => ({
    name: 'elsewhere',
    dims: [2, 3],
    dataType: 1,
    storage: { kind: 'external', location: 'weights.bin', offset, length: 24 } as const,
  })),
);

const dimension: fc.Arbitrary<Dimension> = fc.oneof(
  fc.nat(),
  fc.string({ minLength: 1, maxLength: 5 }),
  fc.constant(null),
);

const valueInfo: fc.Arbitrary<ValueInfo> = fc.oneof(
  name.map((called) => ({ name: called })),
  fc
    .record({ name, dataType: fc.integer({ min: 1, max: 16 }), dims: fc.array(dimension, { maxLength: 4 }) })
    .map(({ name: called, dataType, dims }) => ({
      name: called,
      type: { kind: 'tensor', dataType, dims } as const,
    })),
);

function attribute(graph: fc.Arbitrary<Graph>): fc.Arbitrary<Attribute> {
  const value: fc.Arbitrary<AttributeValue> = fc.oneof(
    float32.map((number) => ({ kind: 'float', value: number }) as const),
    int64.map((number) => ({ kind: 'int', value: number }) as const),
    bytes.map((text) => ({ kind: 'string', value: text }) as const),
    tensor.map((constant) => ({ kind: 'tensor', value: constant }) as const),
    graph.map((body) => ({ kind: 'graph', value: body }) as const),
    fc.array(float32, { maxLength: 4 }).map((list) => ({ kind: 'floats', value: list }) as const),
    fc.array(int64, { maxLength: 4 }).map((list) => ({ kind: 'ints', value: list }) as const),
    fc.array(bytes, { maxLength: 3 }).map((list) => ({ kind: 'strings', value: list }) as const),
    fc.array(tensor, { maxLength: 2 }).map((list) => ({ kind: 'tensors', value: list }) as const),
    fc.array(graph, { maxLength: 2 }).map((list) => ({ kind: 'graphs', value: list }) as const),
  );
  return fc.tuple(name, value).map(([called, item]) => ({ name: called, ...item }));
}

function graphOf(attributes: fc.Arbitrary<Attribute>): fc.Arbitrary<Graph> {
  const node: fc.Arbitrary<Node> = fc.record({
    name,
    opType: name,
    domain: fc.constantFrom('', 'com.example'),
    inputs: fc.array(name, { maxLength: 3 }),
    outputs: fc.array(name, { maxLength: 3 }),
    attributes: fc.array(attributes, { maxLength: 3 }),
  });
  return fc.record({
    name,
    nodes: fc.array(node, { maxLength: 3 }),
    initializers: fc.array(tensor, { maxLength: 3 }),
    sparseInitializers: fc.constant([]),
    inputs: fc.array(valueInfo, { maxLength: 2 }),
    outputs: fc.array(valueInfo, { maxLength: 2 }),
    valueInfos: fc.array(valueInfo, { maxLength: 2 }),
  });
}

const innermost = graphOf(
  fc.tuple(name, int64).map(([called, value]) => ({ name: called, kind: 'int', value }) as const),
);

/** Models of every supported form, valid or not, with graphs nested two levels deep. */
export const randomModel: fc.Arbitrary<Model> = fc.record({
  irVersion: fc.integer({ min: 1, max: 12 }),
  producer: name,
  opsetImports: fc.array(
    fc.record({ domain: fc.constantFrom('', 'com.example'), version: fc.integer({ min: 1, max: 30 }) }),
    { maxLength: 2 },
  ),
  graph: graphOf(attribute(graphOf(attribute(innermost)))),
  functions: fc.array(bytes, { maxLength: 2 }),
});
