/**
 * An ONNX model in memory: the part of onnx.proto that affects the computation, without documentation and
 * metadata. Byte arrays are views of the source where possible and must not be modified.
 */

/** TensorProto.DataType. */
export const DATA_TYPE = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  complex128: 15,
  bfloat16: 16,
} as const;

export type DataTypeName = keyof typeof DATA_TYPE;

const DATA_TYPE_NAMES = new Map<number, DataTypeName>(
  Object.entries(DATA_TYPE).map(([name, code]) => [code, name as DataTypeName]),
);

/** Returns the name of a TensorProto.DataType, or "type 23" for one without a name here. */
export function dataTypeName(code: number): DataTypeName | `type ${number}` {
  return DATA_TYPE_NAMES.get(code) ?? `type ${code}`;
}

/** Returns the bytes per element; undefined for strings and for 4-bit and 8-bit floats. */
export function dataTypeSize(code: number): 1 | 2 | 4 | 8 | 16 | undefined {
  switch (dataTypeName(code)) {
    case 'uint8':
    case 'int8':
    case 'bool':
      return 1;
    case 'uint16':
    case 'int16':
    case 'float16':
    case 'bfloat16':
      return 2;
    case 'float32':
    case 'int32':
    case 'uint32':
      return 4;
    case 'float64':
    case 'int64':
    case 'uint64':
    case 'complex64':
      return 8;
    case 'complex128':
      return 16;
    default:
      return undefined;
  }
}

export type TensorStorage =
  /** Little-endian elements, row-major, at any alignment. */
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  /** Elements in a file. `length` is undefined for the rest of the file. */
  | {
      readonly kind: 'external';
      readonly location: string;
      readonly offset: number;
      readonly length?: number;
    }
  /** Elements computed on demand, again for each iteration. The next piece may overwrite the previous one. */
  | {
      readonly kind: 'computed';
      readonly byteLength: number;
      readonly pieces: () => Iterable<Uint8Array>;
    }
  | { readonly kind: 'strings'; readonly values: readonly Uint8Array[] };

export interface ConstantTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** TensorProto.DataType */
  readonly dataType: number;
  readonly storage: TensorStorage;
}

/** A size, a symbolic name, or null for an unknown dimension. */
export type Dimension = number | string | null;

export type ValueType =
  /** `dims` is undefined if the rank is unknown. */
  | { readonly kind: 'tensor'; readonly dataType: number; readonly dims?: readonly Dimension[] }
  /** Sequences, maps, optionals and sparse tensors. They are kept as bytes and never sent. */
  | { readonly kind: 'opaque'; readonly bytes: Uint8Array };

export interface ValueInfo {
  readonly name: string;
  readonly type?: ValueType;
}

export type AttributeValue =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: Uint8Array }
  | { readonly kind: 'tensor'; readonly value: ConstantTensor }
  | { readonly kind: 'graph'; readonly value: Graph }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly bigint[] }
  | { readonly kind: 'strings'; readonly value: readonly Uint8Array[] }
  | { readonly kind: 'tensors'; readonly value: readonly ConstantTensor[] }
  | { readonly kind: 'graphs'; readonly value: readonly Graph[] }
  /** Sparse tensors, types and references to a function's attribute, as the bytes of the AttributeProto. */
  | { readonly kind: 'opaque'; readonly bytes: Uint8Array };

export type Attribute = { readonly name: string } & AttributeValue;

export interface Node {
  readonly name: string;
  readonly opType: string;
  /** '' is ONNX's own domain. */
  readonly domain: string;
  readonly overload?: string;
  /** '' is an omitted optional input or output. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly Attribute[];
}

/** A sparse constant, as the bytes of the SparseTensorProto. */
export interface SparseConstant {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly initializers: readonly ConstantTensor[];
  readonly sparseInitializers: readonly SparseConstant[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly valueInfos: readonly ValueInfo[];
}

export interface OpsetImport {
  readonly domain: string;
  readonly version: number;
}

export interface Model {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsetImports: readonly OpsetImport[];
  readonly graph: Graph;
  /** FunctionProtos as bytes. ONNX Runtime inlines them in the canonical form. */
  readonly functions: readonly Uint8Array[];
}

export function attribute(node: Node, name: string): Attribute | undefined {
  return node.attributes.find((candidate) => candidate.name === name);
}

/** Returns an integer attribute, or the operator's default if it is absent. */
export function intAttribute(node: Node, name: string, absent: number): number {
  const found = attribute(node, name);
  return found?.kind === 'int' ? Number(found.value) : absent;
}

export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const found = attribute(node, name);
  return found?.kind === 'ints' ? found.value.map(Number) : undefined;
}

export function floatAttribute(node: Node, name: string, absent: number): number {
  const found = attribute(node, name);
  return found?.kind === 'float' ? found.value : absent;
}

/** Returns the subgraphs in a node's attributes: the branches of an If, the body of a Loop. */
export function bodies(node: Node): readonly Graph[] {
  return node.attributes.flatMap((item) =>
    item.kind === 'graph' ? [item.value] : item.kind === 'graphs' ? item.value : [],
  );
}
