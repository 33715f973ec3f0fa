import type { Model } from '@sparewheel/onnx';
import { model, value } from '@sparewheel/onnx/testing';
import { elementCount } from '@sparewheel/protocol';
import { Tensor } from 'onnxruntime-node';
import { RandomChoices, RandomGraphBuilder, type Value } from './random-graph-builder.ts';
import { LINEAR_LAYERS } from './random-linear-layers.ts';
import { OPERATORS } from './random-operators.ts';

const INPUT_SHAPES = [
  [3, 7],
  [1, 12],
  [2, 5, 6],
  [1, 4, 9],
  [1, 3, 8, 8],
  [2, 4, 6, 5],
  [1, 2, 4, 5, 5],
] as const;
/** Larger values only make the tests slower. */
const ELEMENTS_LIMIT = 4_000;

export interface RandomGraph {
  readonly model: Model;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/**
 * Builds a random directed acyclic graph of linear layers and other operators. Any node may read any earlier
 * value, so chains, branches, residual and dense connections occur. The same seed gives the same graph and
 * feeds.
 * @param size  approximate number of layers
 */
export function randomGraph(seed: number, size: number): RandomGraph {
  const draw = new RandomChoices(seed);
  const graph = new RandomGraphBuilder(draw);
  const inputs = Array.from({ length: draw.from(1, 2) }, (_, i) => ({
    name: `x${i}`,
    dims: draw.pick<readonly number[]>(INPUT_SHAPES),
  }));
  const values: Value[] = [...inputs];
  const read = new Set<string>();
  while (values.length < inputs.length + size) {
    // Prefers recent values, so that graphs become deep rather than wide.
    const input = draw.chance(0.7)
      ? values.at(-1 - draw.from(0, Math.min(1, values.length - 1)))!
      : draw.pick(values);
    const addLayer = draw.pick(draw.chance(0.5) ? LINEAR_LAYERS : OPERATORS);
    const added = addLayer({ draw, graph, input, values });
    if (added === null) continue;
    for (const { dims } of added) {
      if (elementCount(dims) > ELEMENTS_LIMIT) return randomGraph(seed + 1e6, size);
    }
    values.push(...added);
  }
  // Ensures one layer with enough rows for every k.
  const last = values.at(-1)!;
  const head = graph.weights([last.dims.at(-1)!, 11], last.dims.at(-1)!);
  values.push(graph.add('MatMul', [last.name, head], [...last.dims.slice(0, -1), 11]));
  for (const { inputs: names } of graph.nodes) for (const name of names) read.add(name);
  const outputs = values.filter(({ name }, i) => i >= inputs.length && (!read.has(name) || draw.chance(0.1)));
  return {
    model: model({
      nodes: graph.nodes,
      initializers: graph.initializers,
      inputs: inputs.map(({ name, dims }) => value(name, dims)),
      outputs: outputs.map(({ name, dims }) => value(name, dims)),
    }),
    feeds: Object.fromEntries(
      inputs.map(({ name, dims }) => {
        const data = Float32Array.from({ length: elementCount(dims) }, () => 2 * draw.unit() - 1);
        return [name, new Tensor('float32', data, dims)];
      }),
    ),
  };
}
