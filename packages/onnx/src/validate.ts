import { ModelRejectedError } from './errors.ts';
import { bodies, type Graph, type Model, type Node } from './model.ts';
import { topologicalOrder } from './topology.ts';

/**
 * Checks that a graph is valid: every name is defined exactly once, every input of a node is defined, the
 * graph has no cycle, and it has outputs.
 * @throws {ModelRejectedError} INVALID_GRAPH; the message names the node and the tensor
 */
export function validateModel(model: Model): void {
  if (model.opsetImports.length === 0 && model.irVersion >= 3) {
    throw invalid('the model does not declare its operator set', 'export it again with an opset_import');
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
    if (defined.has(input.name)) throw invalid(`two inputs of the graph have the name "${input.name}"`);
    defined.add(input.name);
  }
  const constants = new Set<string>();
  for (const { name } of [...graph.initializers, ...graph.sparseInitializers]) {
    if (name === '') throw invalid('a constant of the graph has no name');
    if (constants.has(name)) throw invalid(`two constants of the graph have the name "${name}"`);
    constants.add(name);
    // Files older than IR version 4 also list every constant as an input.
    defined.add(name);
  }
  for (const node of graph.nodes) {
    if (node.opType === '') throw invalid(`${nodeTitle(node)} has no operator type`);
    for (const output of node.outputs) {
      if (output === '') continue;
      if (defined.has(output))
        throw invalid(`"${output}" is defined twice; the second definition is ${nodeTitle(node)}`);
      defined.add(output);
    }
  }
  const visible = outer.size === 0 ? defined : new Set([...outer, ...defined]);
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      if (input !== '' && !visible.has(input)) {
        throw invalid(
          `${nodeTitle(node)} reads "${input}", which is not an input, a constant or the output of a node`,
          'export the model again with its weights',
        );
      }
    }
    for (const body of bodies(node)) validateGraph(body, visible);
  }
  const outputs = new Set<string>();
  for (const output of graph.outputs) {
    if (!visible.has(output.name)) throw invalid(`no node computes the output "${output.name}"`);
    if (outputs.has(output.name)) throw invalid(`two outputs of the graph have the name "${output.name}"`);
    outputs.add(output.name);
  }
  if (!topologicalOrder(graph)) {
    throw invalid('the graph has a cycle', 'export the model as an acyclic graph');
  }
}

/** Returns the text that identifies a node in messages. */
function nodeTitle(node: Node): string {
  const name = node.name || node.outputs.find((output) => output !== '');
  return name ? `${node.opType} "${name}"` : `a ${node.opType || 'node'} without a name`;
}

function invalid(message: string, hint?: string): ModelRejectedError {
  return new ModelRejectedError('INVALID_GRAPH', message, hint);
}
