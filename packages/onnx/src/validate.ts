import { ModelRejectedError } from './errors.ts';
import { bodies, type Graph, type Model, type Node } from './model.ts';
import { topologicalOrder } from './topology.ts';

/**
 * Checks what ONNX demands of a model's graph and what everything after relies on: every name is computed once and
 * before it is used, nothing hangs in the air, nothing goes round in a circle, something comes out.
 * @throws {ModelRejectedError} INVALID_GRAPH, naming the node and the tensor
 */
export function validateModel(model: Model): void {
  if (model.opsetImports.length === 0 && model.irVersion >= 3) {
    throw invalid(
      'the model does not say which operator set it uses',
      'export it again with an opset_import',
    );
  }
  if (model.graph.outputs.length === 0) {
    throw invalid('the graph has no outputs', 'export the model with at least one output');
  }
  validateGraph(model.graph, new Set());
}

function validateGraph(graph: Graph, outer: ReadonlySet<string>): void {
  const defined = new Set<string>();
  for (const input of graph.inputs) {
    if (input.name === '') throw invalid('an input of the graph has no name');
    if (defined.has(input.name)) throw invalid(`two inputs of the graph are called "${input.name}"`);
    defined.add(input.name);
  }
  const constants = new Set<string>();
  for (const { name } of [...graph.initializers, ...graph.sparseInitializers]) {
    if (name === '') throw invalid('a constant of the graph has no name');
    if (constants.has(name)) throw invalid(`two constants of the graph are called "${name}"`);
    constants.add(name);
    // In files older than IR version 4 every constant is listed as an input too.
    defined.add(name);
  }
  for (const node of graph.nodes) {
    if (node.opType === '') throw invalid(`${nodeTitle(node)} does not say which operator it is`);
    for (const output of node.outputs) {
      if (output === '') continue;
      if (defined.has(output))
        throw invalid(`two things compute "${output}"; the second is ${nodeTitle(node)}`);
      defined.add(output);
    }
  }
  const visible = outer.size === 0 ? defined : new Set([...outer, ...defined]);
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      if (input !== '' && !visible.has(input)) {
        throw invalid(
          `${nodeTitle(node)} needs "${input}", which nothing computes: it is no input, no constant and no output`,
          'an initializer is missing; export the model again with its weights',
        );
      }
    }
    for (const body of bodies(node)) validateGraph(body, visible);
  }
  const outputs = new Set<string>();
  for (const output of graph.outputs) {
    if (!visible.has(output.name)) throw invalid(`the output "${output.name}" is computed by nothing`);
    if (outputs.has(output.name)) throw invalid(`two outputs of the graph are called "${output.name}"`);
    outputs.add(output.name);
  }
  if (!topologicalOrder(graph)) {
    throw invalid('the graph goes round in a circle', 'only graphs without cycles can be run');
  }
}

/** How messages call a node. */
export function nodeTitle(node: Node): string {
  const name = node.name || node.outputs.find((output) => output !== '');
  return name ? `${node.opType} "${name}"` : `a ${node.opType || 'node'} without a name`;
}

function invalid(message: string, hint?: string): ModelRejectedError {
  return new ModelRejectedError('INVALID_GRAPH', message, hint);
}
