import type { Model } from '@sparewheel/onnx';
import { invalid, unsupported } from '../errors.ts';
import { evaluationOrder } from '../evaluation-order.ts';
import type { GraphNode, Signature } from '../model-json.ts';
import { Emitter } from '../tensors/emitter.ts';
import type { Value } from '../tensors/value.ts';
import { weightValue } from '../tensors/weight-value.ts';
import type { Weight } from '../weights.ts';
import { Attributes, shapeOf, tensorType } from './attributes.ts';
import { ELEMENT_OPERATORS } from './element-operators.ts';
import { LAYER_OPERATORS } from './layer-operators.ts';
import { type Conversion, NodeContext } from './node-context.ts';
import { SHAPE_OPERATORS } from './shape-operators.ts';

/** All operators that have a conversion, by their name in TensorFlow. */
export const OPERATORS: Readonly<Record<string, Conversion>> = {
  ...LAYER_OPERATORS,
  ...ELEMENT_OPERATORS,
  ...SHAPE_OPERATORS,
};

const LOOP_OPERATORS = new Set(['Enter', 'Exit', 'Merge', 'NextIteration', 'Switch']);

/**
 * Converts a graph model: the nodes that its outputs need.
 * @throws {ModelRejectedError} an operator is not supported, or the graph is invalid; the message names the node
 */
export function convertGraph(
  nodes: readonly GraphNode[],
  signature: Signature,
  weights: ReadonlyMap<string, Weight>,
): Model {
  const byName = new Map<string, GraphNode>();
  for (const node of nodes) {
    if (byName.has(node.name)) throw invalid(`two nodes have the name "${node.name}"`);
    byName.set(node.name, node);
  }
  const outputs = outputNames(nodes, signature);
  if (outputs.length === 0) throw invalid('the model has no outputs');
  const emitter = new Emitter(outputs.map(({ name }) => name));
  const values = new Map<string, readonly Value[]>();
  declareInputs(nodes, signature, emitter, values);

  for (const name of neededNodes(
    outputs.map(({ node }) => node),
    byName,
    values,
  )) {
    const node = byName.get(name)!;
    values.set(name, convertNode(node, values, weights, emitter));
  }
  for (const { name, node, index } of outputs) {
    const value = values.get(node)?.[index];
    if (!value) throw invalid(`the output "${name}" does not exist`);
    emitter.output(name, value);
  }
  return emitter.finish('tfjs-graph-model');
}

/** Declares all placeholders as inputs, in the order of the signature. */
function declareInputs(
  nodes: readonly GraphNode[],
  signature: Signature,
  emitter: Emitter,
  values: Map<string, readonly Value[]>,
): void {
  const placeholders = nodes.filter(({ op }) => op === 'Placeholder');
  const entries = Object.values(signature.inputs ?? {});
  const order = entries.map(({ name }) => reference(name).node);
  const rank = ({ name }: GraphNode) => {
    const at = order.indexOf(name);
    return at < 0 ? order.length : at;
  };
  for (const node of [...placeholders].sort((a, b) => rank(a) - rank(b))) {
    const attributes = new Attributes(node);
    const entry = entries[order.indexOf(node.name)];
    const shape = attributes.shape('shape') ?? shapeOf(entry?.tensorShape, node.name);
    const type =
      entry?.dtype === undefined ? attributes.type('dtype', 'float32') : tensorType(entry.dtype, node.name);
    const dims = shape?.map((size) => (size === -1 ? null : size));
    const prefix = placeholders.length > 1 ? `${node.name}_` : '';
    values.set(node.name, [emitter.input(node.name, type, dims, prefix)]);
  }
}

/** Returns the outputs of the signature, or else the nodes that no other node reads, as TensorFlow.js does. */
function outputNames(
  nodes: readonly GraphNode[],
  signature: Signature,
): { name: string; node: string; index: number }[] {
  const declared = Object.values(signature.outputs ?? {}).map(({ name }) => name);
  let names: string[] = declared;
  if (declared.length === 0) {
    const read = new Set(nodes.flatMap(({ input = [] }) => input.map((name) => reference(name).node)));
    names = nodes
      .filter(({ name, op }) => !read.has(name) && op !== 'NoOp' && op !== 'Const')
      .map(({ name }) => name);
  }
  return [...new Set(names)].map((full) => {
    const { node, index } = reference(full);
    return { name: index === 0 ? node : `${node}:${index}`, node, index };
  });
}

/**
 * Returns the nodes that the outputs need, each after the nodes that it reads. Control inputs have no effect on
 * values, so they are ignored.
 */
function neededNodes(
  outputs: readonly string[],
  byName: ReadonlyMap<string, GraphNode>,
  known: ReadonlyMap<string, unknown>,
): string[] {
  const order = evaluationOrder(outputs, (name, reader) => {
    const node = byName.get(name);
    if (!node)
      throw invalid(`${reader ? `node "${reader}"` : 'the signature'} reads "${name}", which does not exist`);
    // Loops of TensorFlow 1 are cycles, too. Naming their operator says more.
    if (LOOP_OPERATORS.has(node.op)) throw operatorMissing(node);
    return known.has(name) ? [] : dataInputs(node).map((input) => reference(input).node);
  });
  return order.filter((name) => !known.has(name));
}

function convertNode(
  node: GraphNode,
  values: ReadonlyMap<string, readonly Value[]>,
  weights: ReadonlyMap<string, Weight>,
  emitter: Emitter,
): readonly Value[] {
  if (node.op === 'Const') return [constantOf(node, weights)];
  const convert = Object.hasOwn(OPERATORS, node.op) ? OPERATORS[node.op] : undefined;
  if (!convert) throw operatorMissing(node);
  const inputs = dataInputs(node).map((input) => {
    const { node: source, index } = reference(input);
    const value = values.get(source)?.[index];
    if (!value) throw invalid(`node "${node.name}" reads "${input}", which does not exist`);
    return value;
  });
  const result = convert(new NodeContext(node.name, node.op, inputs, new Attributes(node), emitter));
  return Array.isArray(result) ? result : [result as Value];
}

function constantOf(node: GraphNode, weights: ReadonlyMap<string, Weight>): Value {
  const weight = weights.get(node.name);
  if (!weight) throw invalid(`the constant "${node.name}" has no weight in weightsManifest`);
  return weightValue(weight);
}

function dataInputs({ input = [] }: GraphNode): readonly string[] {
  return input.filter((name) => !name.startsWith('^'));
}

/** Divides "node:1" into the node and the index of its output. */
function reference(name: string): { node: string; index: number } {
  const parts = /^(.*?)(?::(\d{1,6}))?$/s.exec(name)!;
  return { node: parts[1]!.replace(/^\^/, ''), index: Number(parts[2] ?? 0) };
}

function operatorMissing({ op, name }: GraphNode): Error {
  return unsupported(`the operator "${op}" (node "${name}")`);
}
