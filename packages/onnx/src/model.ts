/**
 * An ONNX model in memory: the part of onnx.proto that decides what is computed. Documentation strings and metadata
 * are not kept. Bytes are views on what was read wherever that is possible; nobody may write to them.
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

/** The name of a TensorProto.DataType; "type 23" for those that have no name here. */
export function dataTypeName(code: number): DataTypeName | `type ${number}` {
  return DATA_TYPE_NAMES.get(code) ?? `type ${code}`;
}

/** Bytes per element, or undefined where elements have no fixed size here (strings, 4-bit and 8-bit floats). */
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
  /** Little-endian elements, row-major; may lie at any alignment. */
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  /** Elements that stand elsewhere; `length` is undefined where the rest of the file is meant. */
  | {
      readonly kind: 'external';
      readonly location: string;
      readonly offset: number;
      readonly length?: number;
    }
  /** Elements that are made as they are asked for, again each time; a piece is there until the next one is asked for. */
  | {
      readonly kind: 'computed';
      readonly byteLength: number;
      readonly pieces: () => Iterable<Uint8Array>;
    }
  | { readonly kind: 'strings'; readonly values: readonly Uint8Array[] };

/** A constant tensor. */
export interface ConstantTensor {
  readonly name: string;
  readonly dims: readonly number[];
  /** TensorProto.DataType */
  readonly dataType: number;
  readonly storage: TensorStorage;
}

/** A value, a symbolic name, or null for a dimension that is not known. */
export type Dimension = number | string | null;

export type ValueType =
  /** `dims` is undefined where not even the rank is known. */
  | { readonly kind: 'tensor'; readonly dataType: number; readonly dims?: readonly Dimension[] }
  /** Sequences, maps, optionals and sparse tensors: kept as bytes, never sent anywhere. */
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
  /** Sparse tensors, types and references to a function's attribute: the AttributeProto's bytes as they are. */
  | { readonly kind: 'opaque'; readonly bytes: Uint8Array };

export type Attribute = { readonly name: string } & AttributeValue;

export interface Node {
  readonly name: string;
  readonly opType: string;
  /** '' is ONNX's own. */
  readonly domain: string;
  readonly overload?: string;
  /** '' stands for an optional input or output that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly Attribute[];
}

/** A constant in coordinate form; its bytes are kept as they are. */
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
  /** FunctionProtos, as they are. ONNX Runtime inlines them when it makes the canonical form. */
  readonly functions: readonly Uint8Array[];
}

export function attribute(node: Node, name: string): Attribute | undefined {
  return node.attributes.find((candidate) => candidate.name === name);
}

/** A whole-number attribute, or the operator's default where it is absent. */
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

/** The graphs in a node's attributes: the branches of an If, the body of a Loop. */
export function bodies(node: Node): readonly Graph[] {
  return node.attributes.flatMap((item) =>
    item.kind === 'graph' ? [item.value] : item.kind === 'graphs' ? item.value : [],
  );
}
