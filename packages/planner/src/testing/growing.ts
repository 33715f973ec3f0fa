/** What a random graph is made with: numbers from a seed, and the nodes and constants so far. */
import { seededRandom } from '@sparewheel/cdc/testing';
import { type Attribute, type ConstantTensor, DATA_TYPE, type Node } from '@sparewheel/onnx';
import { floats, node } from '@sparewheel/onnx/testing';
import { elementCount } from '@sparewheel/protocol';

/** A value of the graph under construction, float32. */
export interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

/** Choices that follow from a seed alone. */
export class Draw {
  /** From [0, 1). */
  readonly unit: () => number;

  constructor(seed: number) {
    this.unit = seededRandom(seed);
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
  add(op: string, inputs: readonly string[], dims: readonly number[], attributes: Attribute[] = []): Value {
    return this.addMany(op, inputs, [dims], attributes)[0]!;
  }

  /** @returns the node's outputs, by the dims that they have */
  addMany(
    op: string,
    inputs: readonly string[],
    outputs: readonly (readonly number[])[],
    attributes: Attribute[] = [],
  ): Value[] {
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
    this.initializers.push(floats(name, dims, Array.from({ length: elementCount(dims) }, next)));
    return name;
  }
}

/** Where a layer is to grow. */
export interface Site {
  readonly draw: Draw;
  readonly growing: Growing;
  /** What the layer reads. */
  readonly of: Value;
  /** Everything there is to read besides. */
  readonly values: readonly Value[];
}

/** What was added; null where the value does not suit. */
export type Grown = readonly Value[] | null;
export type Layer = (site: Site) => Grown;

export const withAxis = (dims: readonly number[], axis: number, size: number) =>
  dims.map((dim, i) => (i === axis ? size : dim));
