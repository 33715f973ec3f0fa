import type {
  Attribute,
  AttributeValue,
  ConstantTensor,
  Graph,
  Model,
  Node,
  OpsetImport,
  SparseConstant,
  ValueInfo,
} from './model.ts';
import { readTensor } from './tensor-reader.ts';
import { readValueInfo } from './value-info-reader.ts';
import { WireReader } from './wire-reader.ts';

/** Limit of nested graphs. Real models stay below ten, and deep recursion would crash ONNX Runtime too. */
const NESTING_LIMIT = 32;

const NO_BYTES = new Uint8Array(0);

/**
 * Reads an ONNX model. Large data is not copied: raw, float and double data are views of `bytes`.
 * @param bytes  a ModelProto; must not change while the model is in use
 * @throws {MalformedModelError} not protobuf, truncated, or a tensor whose size does not match its shape
 */
export function readModel(bytes: Uint8Array): Model {
  // A Buffer's subarrays are Buffers, which behave differently from plain views (slice, toString).
  const reader = new WireReader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  let irVersion = 0;
  let producer = '';
  let graph: Graph | undefined;
  const opsetImports: OpsetImport[] = [];
  const functions: Uint8Array[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        irVersion = reader.integer();
        break;
      case 2:
        producer = reader.string();
        break;
      case 7:
        if (graph) throw reader.malformed('the model has two graphs');
        graph = readGraph(reader.message(), 0);
        break;
      case 8:
        opsetImports.push(readOpsetImport(reader.message()));
        break;
      case 25:
        functions.push(reader.bytesField());
        break;
      default:
        reader.skip();
    }
  }
  if (!graph) throw reader.malformed('the model has no graph');
  return { irVersion, producer, opsetImports, graph, functions };
}

function readOpsetImport(reader: WireReader): OpsetImport {
  let domain = '';
  let version = 0;
  while (reader.next()) {
    if (reader.field === 1) domain = reader.string();
    else if (reader.field === 2) version = reader.integer();
    else reader.skip();
  }
  return { domain: domain === 'ai.onnx' ? '' : domain, version };
}

function readGraph(reader: WireReader, depth: number): Graph {
  if (depth > NESTING_LIMIT) throw reader.malformed(`graphs are nested more than ${NESTING_LIMIT} deep`);
  let name = '';
  const nodes: Node[] = [];
  const initializers: ConstantTensor[] = [];
  const sparseInitializers: SparseConstant[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const valueInfos: ValueInfo[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        nodes.push(readNode(reader.message(), depth));
        break;
      case 2:
        name = reader.string();
        break;
      case 5:
        initializers.push(readTensor(reader.message()));
        break;
      case 11:
        inputs.push(readValueInfo(reader.message()));
        break;
      case 12:
        outputs.push(readValueInfo(reader.message()));
        break;
      case 13:
        valueInfos.push(readValueInfo(reader.message()));
        break;
      case 15: {
        const bytes = reader.bytesField();
        sparseInitializers.push({ name: sparseName(new WireReader(bytes)), bytes });
        break;
      }
      default:
        reader.skip();
    }
  }
  return { name, nodes, initializers, sparseInitializers, inputs, outputs, valueInfos };
}

/** Returns the name of a sparse tensor: the name of its values. */
function sparseName(reader: WireReader): string {
  while (reader.next()) {
    if (reader.field === 1) return readTensor(reader.message()).name;
    reader.skip();
  }
  return '';
}

function readNode(reader: WireReader, depth: number): Node {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: Attribute[] = [];
  let name = '';
  let opType = '';
  let domain = '';
  let overload: string | undefined;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        inputs.push(reader.string());
        break;
      case 2:
        outputs.push(reader.string());
        break;
      case 3:
        name = reader.string();
        break;
      case 4:
        opType = reader.string();
        break;
      case 5:
        attributes.push(readAttribute(reader.message(), depth));
        break;
      case 7:
        domain = reader.string();
        break;
      case 8:
        overload = reader.string();
        break;
      default:
        reader.skip();
    }
  }
  if (domain === 'ai.onnx') domain = '';
  return { name, opType, domain, inputs, outputs, attributes, ...(overload ? { overload } : {}) };
}

/** AttributeProto.AttributeType by number. Files older than IR version 2 have 0. */
const ATTRIBUTE_KINDS = [
  undefined,
  'float',
  'int',
  'string',
  'tensor',
  'graph',
  'floats',
  'ints',
  'strings',
  'tensors',
  'graphs',
] as const;

function readAttribute(reader: WireReader, depth: number): Attribute {
  const bytes = reader.rest();
  let name = '';
  let type = 0;
  let opaque = false;
  let single: AttributeValue | undefined;
  const floats: Uint8Array[] = [];
  const ints: bigint[] = [];
  const strings: Uint8Array[] = [];
  const tensors: ConstantTensor[] = [];
  const graphs: Graph[] = [];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        name = reader.string();
        break;
      case 2:
        single = { kind: 'float', value: reader.float() };
        break;
      case 3:
        single = { kind: 'int', value: reader.int64() };
        break;
      case 4:
        single = { kind: 'string', value: reader.bytesField() };
        break;
      case 5:
        single = { kind: 'tensor', value: readTensor(reader.message()) };
        break;
      case 6:
        single = { kind: 'graph', value: readGraph(reader.message(), depth + 1) };
        break;
      case 7:
        floats.push(reader.fixed(4));
        break;
      case 8:
        reader.int64s(ints);
        break;
      case 9:
        reader.spend(1);
        strings.push(reader.bytesField());
        break;
      case 10:
        tensors.push(readTensor(reader.message()));
        break;
      case 11:
        graphs.push(readGraph(reader.message(), depth + 1));
        break;
      case 20:
        type = reader.integer();
        break;
      case 14:
      case 15:
      case 21:
      case 22:
      case 23:
        opaque = true;
        reader.skip();
        break;
      default:
        reader.skip();
    }
  }
  if (opaque) return { name, kind: 'opaque', bytes };
  switch (ATTRIBUTE_KINDS[type]) {
    case 'floats':
      return { name, kind: 'floats', value: readFloats(reader, floats) };
    case 'ints':
      return { name, kind: 'ints', value: ints };
    case 'strings':
      return { name, kind: 'strings', value: strings };
    case 'tensors':
      return { name, kind: 'tensors', value: tensors };
    case 'graphs':
      return { name, kind: 'graphs', value: graphs };
    case undefined:
      if (type !== 0) throw reader.malformed(`attribute "${name}" has the unknown type ${type}`);
      break;
    default:
      if (single && single.kind !== ATTRIBUTE_KINDS[type]) {
        throw reader.malformed(
          `attribute "${name}" has type ${ATTRIBUTE_KINDS[type]} but holds ${single.kind}`,
        );
      }
  }
  if (single) return { name, ...single };
  // proto3 omits a field with its default value.
  if (type === 1) return { name, kind: 'float', value: 0 };
  if (type === 2) return { name, kind: 'int', value: 0n };
  if (type === 3) return { name, kind: 'string', value: NO_BYTES };
  if (floats.length > 0) return { name, kind: 'floats', value: readFloats(reader, floats) };
  if (ints.length > 0) return { name, kind: 'ints', value: ints };
  if (strings.length > 0) return { name, kind: 'strings', value: strings };
  if (tensors.length > 0) return { name, kind: 'tensors', value: tensors };
  if (graphs.length > 0) return { name, kind: 'graphs', value: graphs };
  throw reader.malformed(`attribute "${name}" has no value`);
}

function readFloats(reader: WireReader, pieces: readonly Uint8Array[]): number[] {
  const values: number[] = [];
  for (const piece of pieces) {
    reader.spend(piece.byteLength / 4);
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
    for (let at = 0; at < piece.byteLength; at += 4) values.push(view.getFloat32(at, true));
  }
  return values;
}
