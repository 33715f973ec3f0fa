import type { TfjsFiles } from './compare.ts';

interface TestNode {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly attr: Readonly<Record<string, unknown>>;
  /** The elements of a constant. */
  readonly weight?: TestWeight;
}

interface TestWeight {
  readonly dims: readonly number[];
  readonly dtype: 'float32' | 'int32';
  readonly bytes: Uint8Array;
}

export interface GraphParts {
  readonly inputs: readonly TestNode[];
  readonly nodes: readonly TestNode[];
  readonly signature?: unknown;
}

const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');

/** Attribute values as in model.json. */
export const attr = {
  s: (text: string) => ({ s: base64(text) }),
  texts: (texts: readonly string[]) => ({ list: { s: texts.map(base64) } }),
  list: (values: readonly number[]) => ({ list: { i: values.map(String) } }),
  i: (value: number) => ({ i: String(value) }),
  f: (value: number) => ({ f: value }),
  b: (value: boolean) => ({ b: value }),
  type: (name: string) => ({ type: name }),
};

export function node(
  name: string,
  op: string,
  input: readonly string[],
  attributes: TestNode['attr'] = {},
): TestNode {
  return { name, op, input, attr: { T: attr.type('DT_FLOAT'), ...attributes } };
}

/** @param dims  −1 for a free size */
export function placeholder(name: string, dims: readonly number[], type = 'DT_FLOAT'): TestNode {
  const shape = { shape: { dim: dims.map((size) => ({ size: String(size) })) } };
  return { name, op: 'Placeholder', input: [], attr: { dtype: attr.type(type), shape } };
}

export function constant(name: string, weight: TestWeight): TestNode {
  return {
    name,
    op: 'Const',
    input: [],
    attr: { dtype: attr.type(weight.dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT') },
    weight,
  };
}

export function floats(dims: readonly number[], values: ArrayLike<number>): TestWeight {
  return { dims, dtype: 'float32', bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

export function ints(dims: readonly number[], values: readonly number[]): TestWeight {
  return { dims, dtype: 'int32', bytes: new Uint8Array(Int32Array.from(values).buffer) };
}

/** Returns the files of a graph model. */
export function graphFiles({ inputs, nodes, signature }: GraphParts): TfjsFiles {
  const all = [...inputs, ...nodes];
  const constants = all.filter(({ weight }) => weight);
  return {
    json: {
      format: 'graph-model',
      modelTopology: {
        node: all.map(({ name, op, input, attr: attributes }) => ({ name, op, input, attr: attributes })),
        versions: { producer: 440 },
      },
      ...(signature === undefined ? {} : { signature }),
      weightsManifest: [
        {
          paths: ['weights.bin'],
          weights: constants.map(({ name, weight }) => ({ name, shape: weight!.dims, dtype: weight!.dtype })),
        },
      ],
    },
    weights: Buffer.concat(constants.map(({ weight }) => weight!.bytes)),
  };
}
