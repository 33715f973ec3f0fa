import type {
  Attribute,
  ConstantTensor,
  Dimension,
  Graph,
  Model,
  Node,
  TensorStorage,
  ValueInfo,
  ValueType,
} from './model.ts';
import { NO_EXTERNAL_DATA, tensorBytes } from './tensor-data.ts';
import { WireWriter } from './wire-writer.ts';

/**
 * Writes a model as ONNX bytes, deterministically.
 * @returns consecutive chunks; large weights are the model's own arrays
 * @throws {ExternalDataError} a computed constant's file is missing or too short
 */
export function writeModel(model: Model): Uint8Array[] {
  const out = new WireWriter();
  out.int(1, model.irVersion);
  if (model.producer) out.string(2, model.producer);
  out.message(7, (graph) => writeGraph(graph, model.graph));
  for (const { domain, version } of model.opsetImports) {
    out.message(8, (opset) => {
      if (domain) opset.string(1, domain);
      opset.int(2, version);
    });
  }
  for (const bytes of model.functions) out.bytes(25, bytes);
  return out.finish();
}

/** Joins chunks into one array. */
export function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const chunk of chunks) length += chunk.byteLength;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.byteLength;
  }
  return joined;
}

function writeGraph(out: WireWriter, graph: Graph): void {
  for (const node of graph.nodes) out.message(1, (message) => writeNode(message, node));
  out.string(2, graph.name);
  for (const tensor of graph.initializers) out.message(5, (message) => writeTensor(message, tensor));
  for (const value of graph.inputs) out.message(11, (message) => writeValueInfo(message, value));
  for (const value of graph.outputs) out.message(12, (message) => writeValueInfo(message, value));
  for (const value of graph.valueInfos) out.message(13, (message) => writeValueInfo(message, value));
  for (const { bytes } of graph.sparseInitializers) out.bytes(15, bytes);
}

function writeNode(out: WireWriter, node: Node): void {
  for (const input of node.inputs) out.string(1, input);
  for (const output of node.outputs) out.string(2, output);
  if (node.name) out.string(3, node.name);
  out.string(4, node.opType);
  for (const item of node.attributes) {
    if (item.kind === 'opaque') out.bytes(5, item.bytes);
    else out.message(5, (message) => writeAttribute(message, item));
  }
  if (node.domain) out.string(7, node.domain);
  if (node.overload) out.string(8, node.overload);
}

function writeAttribute(out: WireWriter, item: Exclude<Attribute, { kind: 'opaque' }>): void {
  out.string(1, item.name);
  switch (item.kind) {
    case 'float':
      out.float(2, item.value);
      out.int(20, 1);
      return;
    case 'int':
      out.int(3, item.value);
      out.int(20, 2);
      return;
    case 'string':
      out.bytes(4, item.value);
      out.int(20, 3);
      return;
    case 'tensor':
      out.message(5, (message) => writeTensor(message, item.value));
      out.int(20, 4);
      return;
    case 'graph':
      out.message(6, (message) => writeGraph(message, item.value));
      out.int(20, 5);
      return;
    case 'floats':
      if (item.value.length > 0) out.packedFloats(7, item.value);
      out.int(20, 6);
      return;
    case 'ints':
      if (item.value.length > 0) out.packedInts(8, item.value);
      out.int(20, 7);
      return;
    case 'strings':
      for (const value of item.value) out.bytes(9, value);
      out.int(20, 8);
      return;
    case 'tensors':
      for (const value of item.value) out.message(10, (message) => writeTensor(message, value));
      out.int(20, 9);
      return;
    case 'graphs':
      for (const value of item.value) out.message(11, (message) => writeGraph(message, value));
      out.int(20, 10);
      return;
  }
}

function writeTensor(out: WireWriter, tensor: ConstantTensor): void {
  if (tensor.dims.length > 0) out.packedInts(1, tensor.dims);
  out.int(2, tensor.dataType);
  if (tensor.storage.kind === 'strings') for (const value of tensor.storage.values) out.bytes(6, value);
  if (tensor.name) out.string(8, tensor.name);
  if (tensor.storage.kind === 'raw') out.bytes(9, tensor.storage.bytes);
  if (tensor.storage.kind === 'computed') out.bytes(9, tensorBytes(tensor, NO_EXTERNAL_DATA));
  if (tensor.storage.kind === 'external') writeExternal(out, tensor.storage);
}

function writeExternal(out: WireWriter, storage: TensorStorage & { kind: 'external' }): void {
  const entry = (key: string, value: string) =>
    out.message(13, (message) => {
      message.string(1, key);
      message.string(2, value);
    });
  entry('location', storage.location);
  entry('offset', String(storage.offset));
  if (storage.length !== undefined) entry('length', String(storage.length));
  out.int(14, 1);
}

function writeValueInfo(out: WireWriter, value: ValueInfo): void {
  out.string(1, value.name);
  const { type } = value;
  if (type?.kind === 'opaque') out.bytes(2, type.bytes);
  else if (type) out.message(2, (message) => message.message(1, (tensor) => writeTensorType(tensor, type)));
}

function writeTensorType(out: WireWriter, type: ValueType & { kind: 'tensor' }): void {
  out.int(1, type.dataType);
  const { dims } = type;
  if (!dims) return;
  out.message(2, (shape) => {
    for (const dim of dims) shape.message(1, (message) => writeDimension(message, dim));
  });
}

function writeDimension(out: WireWriter, dim: Dimension): void {
  if (typeof dim === 'number') out.int(1, dim);
  else if (typeof dim === 'string') out.string(2, dim);
}
