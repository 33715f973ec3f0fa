import { ELEMENTWISE } from './elementwise.ts';
import { analyzeLinear, isCodable, type LinearLayer, type Shapes } from './linear.ts';
import {
  type ConstantTensor,
  DATA_TYPE,
  intAttribute,
  intsAttribute,
  type Model,
  type Node,
} from './model.ts';
import { nodeReads } from './topology.ts';

/**
 * A run of layers that is computed in slices. It starts with linear layers whose columns are divided, ends with a
 * linear layer whose rows are divided to match, and works in between on each slice alone: the two products of an MLP
 * with their activation, or the heads of an attention. The sum of all slices' results is the run's result.
 * [Megatron-LM §3, tensor parallelism]
 */
export interface SliceableRun {
  /** Node indices, ascending. The last one is the linear layer whose rows are divided. */
  readonly nodes: readonly number[];
  /** The linear layers whose columns are divided. */
  readonly first: readonly number[];
  /** Each slice gets all of them whole. */
  readonly feeds: readonly string[];
  readonly fetch: string;
  /** What the slices divide: columns, or heads. */
  readonly units: number;
}

/** Why a layer does not end a run that can be computed in slices, as a phrase to display. */
export interface NotSliceable {
  readonly reason: string;
}

/**
 * How an inner tensor is divided: along one axis, which consists of sections. Each section is divided evenly into the
 * run's units. A joined product of q, k and v has three sections.
 */
export interface Division {
  readonly axis: number;
  readonly sections: readonly number[];
}

/** A run with the divisions of its inner tensors by name. */
export interface AnalyzedRun extends SliceableRun {
  readonly divisions: ReadonlyMap<string, Division>;
}

/** Softmax works on one axis, and Split takes its sizes as an input, from this operator set on. */
const OLDEST_OPSET = 13;

export function isSliceable(analysis: AnalyzedRun | NotSliceable): analysis is AnalyzedRun {
  return !('reason' in analysis);
}

/** Finds all runs that can be computed in slices. A node may be in several of them. */
export function sliceableRuns(
  model: Model,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): SliceableRun[] {
  return model.graph.nodes.flatMap((_, index) => {
    const run = analyzeSlice(model, index, constants, shapes);
    if (!isSliceable(run)) return [];
    const { divisions, ...found } = run;
    return [found];
  });
}

/**
 * Finds the run that ends with a linear layer, or why there is none.
 * @param last  the layer's index in the graph
 */
export function analyzeSlice(
  model: Model,
  last: number,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): AnalyzedRun | NotSliceable {
  const { graph } = model;
  const opset = model.opsetImports.find(({ domain }) => domain === '')?.version ?? 0;
  if (opset < OLDEST_OPSET) return { reason: `operator set ${opset} is older than ${OLDEST_OPSET}` };
  const layer = productWithConstant(model, last, constants, shapes);
  const feedDims = layer && shapes.get(layer.feed);
  const node = graph.nodes[last]!;
  if (!layer || !feedDims || intAttribute(node, 'transA', 0) !== 0) {
    return { reason: 'it is not a product with constant float32 weights on its right' };
  }
  const search = new BackwardSearch(model, constants, shapes);
  search.divide(layer.feed, {
    axis: feedDims.length - 1,
    sections: [layer.weightsDims[1 - layer.weightsRowAxis]!],
  });
  return search.run(last, layer);
}

/** Returns a linear layer with a constant float32 matrix on its right; undefined for other nodes. */
function productWithConstant(
  { graph }: Model,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): LinearLayer | undefined {
  const { opType } = graph.nodes[index]!;
  if (opType !== 'MatMul' && opType !== 'Gemm') return undefined;
  const layer = analyzeLinear(graph, index, constants, shapes);
  if (!isCodable(layer) || layer.weightsIndex !== 1 || layer.weightsDims.length !== 2) return undefined;
  return constants.get(layer.weights)!.dataType === DATA_TYPE.float32 ? layer : undefined;
}

/** Follows divided tensors from the end of a run back to the layers that start it. */
class BackwardSearch {
  readonly #divisions = new Map<string, Division>();
  readonly #nodes: number[] = [];
  readonly #first: number[] = [];
  readonly #feeds = new Set<string>();
  #problem: string | null = null;

  constructor(
    private readonly model: Model,
    private readonly constants: ReadonlyMap<string, ConstantTensor>,
    private readonly shapes: Shapes,
  ) {}

  /** Requires that a tensor is divided. */
  divide(name: string, division: Division): void {
    const known = this.#divisions.get(name);
    if (known && !equal(known, division)) this.#refuse(`"${name}" would be divided in two ways`);
    this.#divisions.set(name, division);
  }

  run(last: number, { fetch }: LinearLayer): AnalyzedRun | NotSliceable {
    const { graph } = this.model;
    for (let index = last - 1; index >= 0 && this.#problem === null; index--) {
      const node = graph.nodes[index]!;
      const outputs = node.outputs.filter((name) => name !== '');
      const divided = outputs.flatMap((name) => this.#divisions.get(name) ?? []);
      if (divided.length === 0) continue;
      if (divided.length < outputs.length)
        this.#refuse(`"${labelOf(node)}" has a result that is not divided`);
      else this.#follow(node, index, divided);
    }
    this.#nodes.unshift(last);
    if (this.#problem === null) this.#checkBorders();
    if (this.#problem !== null) return { reason: this.#problem };
    const sizes = [...this.#divisions.values()].flatMap(({ sections }) => sections);
    return {
      nodes: this.#nodes.toSorted((a, b) => a - b),
      first: this.#first.toSorted((a, b) => a - b),
      feeds: [...this.#feeds],
      fetch,
      units: sizes.reduce(greatestCommonDivisor),
      divisions: this.#divisions,
    };
  }

  /** Every divided tensor is made and read inside the run only; every feed is whole. */
  #checkBorders(): void {
    const { graph } = this.model;
    const inside = new Set(this.#nodes);
    const made = new Set(this.#nodes.flatMap((index) => graph.nodes[index]!.outputs));
    for (const name of this.#divisions.keys()) {
      if (!made.has(name)) this.#refuse(`"${name}" comes from outside`);
      if (this.#feeds.has(name)) this.#refuse(`"${name}" is needed whole, too`);
      if (graph.outputs.some((output) => output.name === name))
        this.#refuse(`"${name}" is an output of the model`);
    }
    for (const [index, node] of graph.nodes.entries()) {
      if (inside.has(index)) continue;
      const used = nodeReads(node).find((name) => this.#divisions.has(name));
      if (used !== undefined) this.#refuse(`"${used}" is also used by "${labelOf(node)}"`);
    }
  }

  #refuse(problem: string): void {
    this.#problem ??= problem;
  }

  /** Passes the divisions of a node's outputs on to its inputs. @param outputs  one for each output */
  #follow(node: Node, index: number, outputs: readonly Division[]): void {
    this.#nodes.push(index);
    const [output] = outputs as [Division];
    const rank = this.shapes.get(node.outputs[0]!)?.length ?? 0;
    if (node.domain !== '' || rank === 0) {
      this.#refuse(`"${labelOf(node)}" is not an operator of ONNX with a known shape`);
      return;
    }
    const layer = productWithConstant(this.model, index, this.constants, this.shapes);
    if (layer && output.axis === rank - 1) {
      this.#first.push(index);
      this.#feeds.add(layer.feed);
      return;
    }
    if (ELEMENTWISE.has(node.opType)) {
      for (const name of nodeReads(node)) this.#followBroadcast(name, rank, output);
      return;
    }
    const [input = ''] = node.inputs;
    const follow = FOLLOW[node.opType];
    if (follow && !this.constants.has(input)) {
      const { constants, shapes } = this;
      const passed = follow({ node, outputs, rank, inputDims: shapes.get(input) ?? [], constants, shapes });
      if (passed !== null) {
        const inputs = node.opType === 'Concat' ? node.inputs : [input];
        if (inputs.every((name) => !this.constants.has(name))) {
          for (const name of inputs) this.divide(name, passed);
          return;
        }
      }
    } else if (node.opType === 'MatMul' && output.axis < rank - 2) {
      for (const name of nodeReads(node)) this.#followBroadcast(name, rank, output);
      return;
    }
    this.#refuse(`"${labelOf(node)}" (${node.opType}) combines the columns`);
  }

  /** An operand that broadcasting aligns at its last axis is divided, or has one element along the divided axis. */
  #followBroadcast(name: string, rank: number, { axis, sections }: Division): void {
    const constant = this.constants.get(name);
    const dims = constant?.dims ?? this.shapes.get(name);
    if (!dims) {
      this.#refuse(`the shape of "${name}" is not known`);
      return;
    }
    const at = dims.length - (rank - axis);
    const whole = sections.reduce((sum, size) => sum + size, 0);
    if (at < 0 || (dims[at] === 1 && whole > 1)) {
      if (!constant) this.#feeds.add(name);
    } else if (dims[at] !== whole) this.#refuse(`the shape of "${name}" is not fixed`);
    else if (!constant) this.divide(name, { axis: at, sections });
    else if (constant.dataType !== DATA_TYPE.float32) this.#refuse(`"${name}" is not float32`);
  }
}

interface Followed {
  readonly node: Node;
  readonly outputs: readonly Division[];
  readonly rank: number;
  readonly inputDims: readonly number[];
  readonly constants: ReadonlyMap<string, ConstantTensor>;
  readonly shapes: Shapes;
}

/** By operator: the division of the input that gives these divisions of the outputs; null if there is none. */
const FOLLOW: Readonly<Record<string, (followed: Followed) => Division | null>> = {
  Softmax: along(-1),
  Concat: along(0),
  Split: ({ node, outputs, rank }) => {
    const [first] = outputs as [Division];
    if (outputs.some(({ axis }) => axis !== first.axis)) return null;
    if (fromFront(intAttribute(node, 'axis', 0), rank) === first.axis) {
      return { axis: first.axis, sections: outputs.flatMap(({ sections }) => sections) };
    }
    return outputs.every((output) => equal(output, first)) ? first : null;
  },
  Slice: ({ node, outputs: [output], rank, constants }) => {
    const axes = integersOf(constants.get(node.inputs[3] ?? ''));
    return axes?.every((axis) => fromFront(axis, rank) !== output!.axis) ? output! : null;
  },
  Transpose: ({ node, outputs: [output], rank }) => {
    const order = intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    return { ...output!, axis: order[output!.axis]! };
  },
  Reshape: ({ node, outputs: [output], inputDims, constants, shapes }) => {
    const { axis, sections } = output!;
    if (sections.length > 1 || !integersOf(constants.get(node.inputs[1] ?? ''))) return null;
    // The same elements lie before the divided axis in both shapes.
    const before = sizeOf(shapes.get(node.outputs[0]!)!.slice(0, axis));
    const at = inputDims.findIndex((dim, i) => dim > 1 && sizeOf(inputDims.slice(0, i)) === before);
    return at < 0 ? null : { axis: at, sections: [inputDims[at]!] };
  },
};

/** Returns the rule of an operator that works along one axis: it passes on a division of any other axis. */
function along(absent: number): (followed: Followed) => Division | null {
  return ({ node, outputs: [output], rank }) =>
    fromFront(intAttribute(node, 'axis', absent), rank) === output!.axis ? null : output!;
}

/** Returns the elements of an int64 constant that is in the graph. */
export function integersOf(tensor: ConstantTensor | undefined): number[] | undefined {
  if (tensor?.storage.kind !== 'raw' || tensor.dataType !== DATA_TYPE.int64) return undefined;
  const { buffer, byteOffset, byteLength } = tensor.storage.bytes.slice();
  return Array.from(new BigInt64Array(buffer, byteOffset, byteLength / 8), Number);
}

export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? rank + axis : axis;
}

/** Describes a number of elements: the product of the fixed sizes, and the number of free ones. */
function sizeOf(dims: readonly number[]): string {
  const fixed = dims.filter((dim) => dim > 0);
  return `${fixed.reduce((product, dim) => product * dim, 1)} × ${dims.length - fixed.length}`;
}

function equal(a: Division, b: Division): boolean {
  return a.axis === b.axis && a.sections.join() === b.sections.join();
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function labelOf({ name, opType }: Node): string {
  return name || opType;
}
