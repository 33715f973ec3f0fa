import { bodies, type Graph, type Node } from './model.ts';

/** Returns the names of a graph's inputs and constants. */
export function givenNames(graph: Graph): Set<string> {
  const names = new Set<string>();
  for (const input of graph.inputs) names.add(input.name);
  for (const tensor of graph.initializers) names.add(tensor.name);
  for (const tensor of graph.sparseInitializers) names.add(tensor.name);
  return names;
}

/**
 * Returns the names that a node's subgraphs (branches of an If, body of a Loop) read from the outer graph.
 */
export function captures(node: Node): Set<string> {
  const captured = new Set<string>();
  for (const body of bodies(node)) {
    const inside = givenNames(body);
    for (const inner of body.nodes) for (const output of inner.outputs) inside.add(output);
    const use = (name: string) => {
      if (name !== '' && !inside.has(name)) captured.add(name);
    };
    for (const inner of body.nodes) {
      for (const input of inner.inputs) use(input);
      for (const name of captures(inner)) use(name);
    }
    for (const output of body.outputs) use(output.name);
  }
  return captured;
}

/**
 * Returns the names that a node reads, without duplicates: its inputs, then the captures of its subgraphs.
 */
export function nodeReads(node: Node): string[] {
  const reads = new Set(node.inputs);
  for (const name of captures(node)) reads.add(name);
  reads.delete('');
  return [...reads];
}

/** Returns the index of the node that computes each name. */
export function producers(graph: Graph): Map<string, number> {
  const producer = new Map<string, number>();
  for (const [index, node] of graph.nodes.entries()) {
    for (const output of node.outputs) if (output !== '') producer.set(output, index);
  }
  return producer;
}

/**
 * Sorts the nodes topologically. Keeps their order where possible.
 * @returns node indices; undefined if the graph has a cycle
 */
export function topologicalOrder(graph: Graph): number[] | undefined {
  const producer = producers(graph);
  const consumers: number[][] = graph.nodes.map(() => []);
  const waiting = graph.nodes.map((node, index) => {
    let count = 0;
    for (const name of nodeReads(node)) {
      const from = producer.get(name);
      if (from === undefined) continue;
      consumers[from]!.push(index);
      count++;
    }
    return count;
  });
  const ready = new MinHeap();
  for (const [index, count] of waiting.entries()) if (count === 0) ready.push(index);
  const order: number[] = [];
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    order.push(index);
    for (const consumer of consumers[index]!) {
      waiting[consumer]!--;
      if (waiting[consumer] === 0) ready.push(consumer);
    }
  }
  return order.length === graph.nodes.length ? order : undefined;
}

/** A priority queue with the smallest number first. */
class MinHeap {
  private readonly items: number[] = [];

  push(value: number): void {
    const { items } = this;
    let at = items.push(value) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= value) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = value;
  }

  pop(): number | undefined {
    const { items } = this;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
      if (items[child]! >= last) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
