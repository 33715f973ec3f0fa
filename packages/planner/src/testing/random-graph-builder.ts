import { seededRandom } from '@sparewheel/cdc/testing';
import { type Attribute, type ConstantTensor, DATA_TYPE, type Node } from '@sparewheel/onnx';
import { floats, node } from '@sparewheel/onnx/testing';
import { elementCount } from '@sparewheel/protocol';

/** A float32 value of the graph under construction. */
export interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

/** Random choices that depend only on a seed. */
export class RandomChoices {
  /** Returns a number in [0, 1). */
  readonly unit: () => number;

  constructor(seed: number) {
    this.unit = seededRandom(seed);
  }

  /** Returns an integer in [low, high]. */
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

/** Collects the nodes and constants of a random graph under unique names. */
export class RandomGraphBuilder {
  readonly nodes: Node[] = [];
  readonly initializers: ConstantTensor[] = [];
  readonly #draw: RandomChoices;
  #names = 0;

  constructor(draw: RandomChoices) {
    this.#draw = draw;
  }

  newName(): string {
    return `v${this.#names++}`;
  }

  /** Adds weights that keep sums of `fanIn` products about as large as the inputs. @returns their name */
  weights(dims: readonly number[], fanIn: number): string {
    const scale = Math.sqrt(3 / Math.max(fanIn, 1));
    return this.#constant(dims, () => (2 * this.#draw.unit() - 1) * scale);
  }

  /** Adds a constant with values in [low, high). @returns its name */
  between(dims: readonly number[], low: number, high: number): string {
    return this.#constant(dims, () => low + (high - low) * this.#draw.unit());
  }

  /** Adds a vector of int64. @returns its name */
  int64s(...list: readonly number[]): string {
    const name = this.newName();
    const bytes = new Uint8Array(BigInt64Array.from(list, BigInt).buffer);
    this.initializers.push({
      name,
      dims: [list.length],
      dataType: DATA_TYPE.int64,
      storage: { kind: 'raw', bytes },
    });
    return name;
  }

  /** Adds a node with one output. @returns the output */
  add(op: string, inputs: readonly string[], dims: readonly number[], attributes: Attribute[] = []): Value {
    return this.addMany(op, inputs, [dims], attributes)[0]!;
  }

  /**
   * Adds a node with several outputs.
   * @param outputs  the shape of each output
   */
  addMany(
    op: string,
    inputs: readonly string[],
    outputs: readonly (readonly number[])[],
    attributes: Attribute[] = [],
  ): Value[] {
    const values = outputs.map((dims) => ({ name: this.newName(), dims }));
    this.nodes.push(
      node(
        op,
        inputs,
        values.map(({ name }) => name),
        attributes,
      ),
    );
    return values;
  }

  #constant(dims: readonly number[], next: () => number): string {
    const name = this.newName();
    this.initializers.push(floats(name, dims, Array.from({ length: elementCount(dims) }, next)));
    return name;
  }
}

export interface LayerContext {
  readonly draw: RandomChoices;
  readonly graph: RandomGraphBuilder;
  /** The value that the layer reads. */
  readonly input: Value;
  /** All values of the graph so far. */
  readonly values: readonly Value[];
}

/**
 * Adds a random layer to a graph and returns its outputs; null if the input's shape does not suit the layer.
 */
export type AddLayer = (context: LayerContext) => readonly Value[] | null;

/** Returns the shape with one axis replaced. */
export const withAxis = (dims: readonly number[], axis: number, size: number) =>
  dims.map((dim, i) => (i === axis ? size : dim));
