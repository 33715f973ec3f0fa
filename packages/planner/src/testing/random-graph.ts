import { type Attribute, type ConstantTensor, DATA_TYPE, type Model, type Node } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { Tensor } from 'onnxruntime-node';
import { type Grown, LAYERS, OTHERS } from './random-layers.ts';

/** A value of the graph under construction, float32. */
export interface Val {
  readonly name: string;
  readonly dims: readonly number[];
}

/** Numbers that follow from a seed alone (mulberry32). */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From [0, 1). */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both possible. */
  from(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.from(0, items.length - 1)]!;
  }
}

/** What a layer is added to: nodes and constants so far, with names that are not taken yet. */
export class Growing {
  readonly nodes: Node[] = [];
  readonly initializers: ConstantTensor[] = [];
  readonly #draw: Draw;
  #names = 0;

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  name(): string {
    return `v${this.#names++}`;
  }

  /** Weights that leave sums of `fanIn` products about as large as what they are made of. @returns its name */
  weights(dims: readonly number[], fanIn: number): string {
    const scale = Math.sqrt(3 / Math.max(fanIn, 1));
    return this.#constant(dims, () => (2 * this.#draw.unit() - 1) * scale);
  }

  /** Of numbers from `low` to `high`. @returns its name */
  between(dims: readonly number[], low: number, high: number): string {
    return this.#constant(dims, () => low + (high - low) * this.#draw.unit());
  }

  /** @returns its name */
  whole(...list: readonly number[]): string {
    const name = this.name();
    const bytes = new Uint8Array(BigInt64Array.from(list, BigInt).buffer);
    this.initializers.push({
      name,
      dims: [list.length],
      dataType: DATA_TYPE.int64,
      storage: { kind: 'raw', bytes },
    });
    return name;
  }

  /** @returns the node's only output */
  add(op: string, inputs: readonly string[], dims: readonly number[], attributes: Attribute[] = []): Val {
    return this.addMany(op, inputs, [dims], attributes)[0]!;
  }

  /** @returns the node's outputs, by the dims that they have */
  addMany(
    op: string,
    inputs: readonly string[],
    outputs: readonly (readonly number[])[],
    attributes: Attribute[] = [],
  ): Val[] {
    const made = outputs.map((dims) => ({ name: this.name(), dims }));
    this.nodes.push(
      node(
        op,
        inputs,
        made.map(({ name }) => name),
        attributes,
      ),
    );
    return made;
  }

  #constant(dims: readonly number[], next: () => number): string {
    const name = this.name();
    const count = dims.reduce((product, dim) => product * dim, 1);
    this.initializers.push(floats(name, dims, Array.from({ length: count }, next)));
    return name;
  }
}

const INPUT_SHAPES = [
  [3, 7],
  [1, 12],
  [2, 5, 6],
  [1, 4, 9],
  [1, 3, 8, 8],
  [2, 4, 6, 5],
  [1, 2, 4, 5, 5],
] as const;
/** Larger values make the test slow and tell nothing more. */
const ELEMENTS_LIMIT = 4_000;

export interface RandomGraph {
  readonly model: Model;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/**
 * A directed acyclic graph of linear layers and whatever stands between them, any value feeding any number of nodes:
 * chains, branches, residual and dense connections come about by themselves. Everything follows from the seed.
 * @param size  about so many layers
 */
export function randomGraph(seed: number, size: number): RandomGraph {
  const draw = new Draw(seed);
  const growing = new Growing(draw);
  const inputs = Array.from({ length: draw.from(1, 2) }, (_, i) => ({
    name: `x${i}`,
    dims: draw.pick<readonly number[]>(INPUT_SHAPES),
  }));
  const values: Val[] = [...inputs];
  const read = new Set<string>();
  while (values.length < inputs.length + size) {
    // Mostly what came last, so that the graph grows long rather than wide.
    const of = draw.chance(0.7)
      ? values.at(-1 - draw.from(0, Math.min(1, values.length - 1)))!
      : draw.pick(values);
    const grow = draw.pick(draw.chance(0.5) ? LAYERS : OTHERS);
    const grown: Grown = grow({ draw, growing, of, values });
    if (grown === null) continue;
    for (const { dims } of grown) {
      if (dims.reduce((product, dim) => product * dim, 1) > ELEMENTS_LIMIT)
        return randomGraph(seed + 1e6, size);
    }
    values.push(...grown);
  }
  // At least one layer with enough rows for every group of devices.
  const last = values.at(-1)!;
  const head = growing.weights([last.dims.at(-1)!, 11], last.dims.at(-1)!);
  values.push(growing.add('MatMul', [last.name, head], [...last.dims.slice(0, -1), 11]));
  for (const { inputs: names } of growing.nodes) for (const name of names) read.add(name);
  const outputs = values.filter(({ name }, i) => i >= inputs.length && (!read.has(name) || draw.chance(0.1)));
  return {
    model: model({
      nodes: growing.nodes,
      initializers: growing.initializers,
      inputs: inputs.map(({ name, dims }) => value(name, dims)),
      outputs: outputs.map(({ name, dims }) => value(name, dims)),
    }),
    feeds: Object.fromEntries(
      inputs.map(({ name, dims }) => {
        const count = dims.reduce((product, dim) => product * dim, 1);
        const data = Float32Array.from({ length: count }, () => 2 * draw.unit() - 1);
        return [name, new Tensor('float32', data, dims)];
      }),
    ),
  };
}
