import {
  type Attribute,
  type ConstantTensor,
  DATA_TYPE,
  type ExternalData,
  type LoadedModel,
  type Model,
  type Node,
  nodeReads,
  tensorBytes,
} from '@sparewheel/onnx';

/** A graph while its nodes are replaced, in topological order. */
export class GraphEdit {
  readonly external: ExternalData;
  readonly constants: Map<string, ConstantTensor>;
  /** By name of an output: its node in the original graph. */
  readonly producers = new Map<string, Node>();
  readonly #model: Model;
  readonly #readers = new Map<string, Node[]>();
  readonly #outputs: ReadonlySet<string>;
  readonly #names: Set<string>;
  readonly #nodes: Node[] = [];
  readonly #made: ConstantTensor[] = [];
  readonly #replaced = new Set<Node>();

  constructor({ model, external }: LoadedModel) {
    const { graph } = model;
    this.external = external;
    this.#model = model;
    this.constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
    this.#outputs = new Set(graph.outputs.map(({ name }) => name));
    this.#names = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name));
    for (const node of graph.nodes) {
      this.#names.add(node.name);
      for (const output of node.outputs) {
        this.#names.add(output);
        this.producers.set(output, node);
      }
      for (const name of nodeReads(node)) {
        const readers = this.#readers.get(name);
        if (readers) readers.push(node);
        else this.#readers.set(name, [node]);
      }
    }
  }

  /** Returns the only node that reads a value; undefined if several nodes or the model's caller read it. */
  onlyReader(name: string): Node | undefined {
    const readers = this.#readers.get(name) ?? [];
    return readers.length === 1 && !this.#outputs.has(name) ? readers[0] : undefined;
  }

  /** Adds a node with one output. @returns the name of the output */
  add(
    opType: string,
    inputs: readonly string[],
    given: {
      readonly output?: string;
      readonly name?: string;
      readonly attributes?: readonly Attribute[];
    } = {},
  ): string {
    const output = given.output ?? this.unused(`${inputs[0]}/${opType}`);
    const trimmed = inputs.slice(0, inputs.findLastIndex((input) => input !== '') + 1);
    this.#nodes.push({
      name: given.name ?? this.unused(`${output}/node`),
      opType,
      domain: '',
      inputs: trimmed,
      outputs: [output],
      attributes: given.attributes ?? [],
    });
    return output;
  }

  cast(input: string, type: keyof typeof DATA_TYPE): string {
    return this.add('Cast', [input], {
      attributes: [{ name: 'to', kind: 'int', value: BigInt(DATA_TYPE[type]) }],
    });
  }

  /** Adds a constant. @returns its name */
  constant(
    name: string,
    type: keyof typeof DATA_TYPE,
    dims: readonly number[],
    data: ArrayBufferView,
  ): string {
    const made: ConstantTensor = {
      name: this.unused(name),
      dims,
      dataType: DATA_TYPE[type],
      storage: { kind: 'raw', bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) },
    };
    this.#made.push(made);
    this.constants.set(made.name, made);
    return made.name;
  }

  /** Returns the elements of a float32 constant; undefined if it is not one. */
  floats(name: string): Float32Array | undefined {
    const tensor = this.constants.get(name);
    if (tensor?.dataType !== DATA_TYPE.float32) return undefined;
    return new Float32Array(new Uint8Array(tensorBytes(tensor, this.external)).buffer);
  }

  /** Returns the elements of an int32 constant; undefined if it is not one. */
  int32s(name: string): Int32Array | undefined {
    const tensor = this.constants.get(name);
    if (tensor?.dataType !== DATA_TYPE.int32) return undefined;
    return new Int32Array(new Uint8Array(tensorBytes(tensor, this.external)).buffer);
  }

  /** Marks a later node as replaced. */
  replace(node: Node): void {
    this.#replaced.add(node);
  }

  isReplaced(node: Node): boolean {
    return this.#replaced.has(node);
  }

  keep(node: Node): void {
    this.#nodes.push(node);
  }

  /** Returns the edited model, without nodes of the given type and constants that nothing reads any more. */
  finish(removable: ReadonlySet<string>): Model {
    const { graph } = this.#model;
    const used = new Set(this.#outputs);
    const nodes: Node[] = [];
    for (const node of this.#nodes.toReversed()) {
      if (removable.has(node.opType) && !node.outputs.some((name) => used.has(name))) continue;
      for (const name of nodeReads(node)) used.add(name);
      nodes.push(node);
    }
    nodes.reverse();
    const initializers = [...graph.initializers, ...this.#made].filter(({ name }) => used.has(name));
    return { ...this.#model, graph: { ...graph, nodes, initializers } };
  }

  unused(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#names.has(name); count++) name = `${wanted}_${count}`;
    this.#names.add(name);
    return name;
  }
}
