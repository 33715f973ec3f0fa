import { bodies, type Graph, type Node } from '@sparewheel/onnx';

/**
 * Returns why the linear layers inside a node's bodies (the branches of an If, the body of a Loop or Scan) are not
 * divided, as a phrase to display; null if there are none.
 * @param isLinear  whether an operator multiplies by weights
 */
export function whyBodiesStayWhole(node: Node, isLinear: (op: string) => boolean): string | null {
  const counts = new Map<string, number>();
  const count = (graph: Graph) => {
    for (const inner of graph.nodes) {
      if (isLinear(inner.opType)) counts.set(inner.opType, (counts.get(inner.opType) ?? 0) + 1);
      for (const body of bodies(inner)) count(body);
    }
  };
  for (const body of bodies(node)) count(body);
  if (counts.size === 0) return null;
  const layers = [...counts].map(([op, times]) => (times === 1 ? op : `${times} × ${op}`)).join(', ');
  return node.opType === 'If'
    ? `only one of its branches runs, and which one is known at run time; they contain ${layers}`
    : `its body runs several times in a row, in one piece; it contains ${layers}`;
}
