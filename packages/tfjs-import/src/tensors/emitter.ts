import {
  type Attribute,
  type ConstantTensor,
  DATA_TYPE,
  type Model,
  type Node,
  type ValueInfo,
} from '@sparewheel/onnx';
import { invalid } from '../errors.ts';
import {
  firstOrder,
  isFirst,
  type Known,
  knownElements,
  lastOrder,
  MAX_ELEMENTS,
  ONNX_TYPE,
  rankOf,
  type TensorType,
  transposeBytes,
  type Value,
} from './value.ts';

/** The first operator set in which Resize, Pad and the reductions take axes as inputs. */
const OPSET = 18;
const IR_VERSION = 8;
/** A larger graph comes from a file that was made to be large: no network of a browser has so many nodes. */
const MAX_NODES = 100_000;

export type AttributeInput = number | string | readonly number[] | { readonly float: number };

/** Collects the nodes and constants of an ONNX graph, and converts tensors between the two orders of axes. */
export class Emitter {
  private readonly nodes: Node[] = [];
  private readonly initializers: ConstantTensor[] = [];
  private readonly inputs: ValueInfo[] = [];
  private readonly outputs: ValueInfo[] = [];
  private readonly nodeNames = new Map<string, number>();
  private readonly tensorNames = new Map<string, number>();

  /** @param outputNames  names that only outputs of the graph may have */
  constructor(outputNames: readonly string[]) {
    for (const name of outputNames) this.tensorNames.set(name, 2);
  }

  /** Declares an input of the graph. Unknown sizes become symbolic dimensions. */
  input(name: string, type: TensorType, dims: readonly Known[] | undefined, prefix: string): Value {
    const unique = this.uniqueTensor(name);
    const symbols = dims?.map((dim, axis) => dim ?? symbolOf(axis, dims.length, prefix));
    this.inputs.push({
      name: unique,
      type: { kind: 'tensor', dataType: ONNX_TYPE[type], ...(symbols && { dims: symbols }) },
    });
    return { type, dims, names: { last: unique } };
  }

  /** Declares an output of the graph. The name is one of those given to the constructor. */
  output(name: string, value: Value): void {
    const dims = value.dims?.map((dim) => dim);
    if (isFirst(value)) {
      this.push('Transpose', [value.names.first!], { perm: lastOrder(rankOf(value)!) }, name, [name]);
    } else {
      this.push('Identity', [this.last(value)], {}, name, [name]);
    }
    this.outputs.push({
      name,
      type: { kind: 'tensor', dataType: ONNX_TYPE[value.type], ...(dims && { dims }) },
    });
  }

  /** Adds a node with one output and returns the name of the tensor. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeInput>>,
    name: string,
  ): string {
    return this.nodeOf(opType, inputs, attributes, name, 1)[0]!;
  }

  /** Adds a node with several outputs. */
  nodeOf(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeInput>>,
    name: string,
    count: number,
  ): string[] {
    const outputs = Array.from({ length: count }, () => this.uniqueTensor(name));
    this.push(opType, inputs, attributes, name, outputs);
    return outputs;
  }

  /** Returns the tensor in TensorFlow's order of axes. */
  last(value: Value): string {
    const { names } = value;
    if (names.last === undefined) {
      if (names.first === undefined) names.last = this.initializer(value, undefined, 'constant');
      else names.last = this.transposed(names.first, lastOrder(rankOf(value)!));
    }
    return names.last;
  }

  /** Returns the tensor with its channels first. The rank must be known and at least 3. */
  first(value: Value): string {
    const { names } = value;
    if (names.first === undefined) {
      const order = firstOrder(rankOf(value)!);
      names.first = value.constant
        ? this.initializer(value, order, 'constant')
        : this.transposed(this.last(value), order);
    }
    return names.first;
  }

  /** Returns a tensor of 64-bit integers, as ONNX wants shapes and axes. */
  int64(value: Value): string {
    const { names } = value;
    if (names.int64 === undefined) {
      const known = knownElements(value);
      names.int64 =
        known && value.dims
          ? this.ints(known, value.dims as readonly number[])
          : this.node('Cast', [this.last(value)], { to: DATA_TYPE.int64 }, `${this.last(value)}/int64`);
    }
    return names.int64;
  }

  /** Adds a constant of 64-bit integers: a list, or `dims` for another shape. */
  ints(values: readonly number[], dims: readonly number[] = [values.length]): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, (value) => BigInt(value)).buffer);
    return this.constant('ints', dims, DATA_TYPE.int64, bytes);
  }

  floats(values: readonly number[], dims: readonly number[] = [values.length]): string {
    const bytes = new Uint8Array(Float32Array.from(values).buffer);
    return this.constant('floats', dims, DATA_TYPE.float32, bytes);
  }

  private constant(name: string, dims: readonly number[], dataType: number, bytes: Uint8Array): string {
    const unique = this.uniqueTensor(name);
    this.initializers.push({ name: unique, dims, dataType, storage: { kind: 'raw', bytes } });
    return unique;
  }

  /**
   * Adds a constant with transposed axes.
   * @param order  the axes of the value, in their new order
   * @param dims  the new shape, if it differs from the transposed one
   */
  initializer(
    value: Value,
    order: readonly number[] | undefined,
    name: string,
    dims?: readonly number[],
  ): string {
    const { constant, type } = value;
    const own = value.dims as readonly number[];
    if (!constant) throw invalid(`the tensor "${name}" has no value`);
    const size = type === 'bool' ? 1 : 4;
    const unique = this.uniqueTensor(name);
    this.initializers.push({
      name: unique,
      dims: dims ?? (order ? order.map((axis) => own[axis]!) : own),
      dataType: ONNX_TYPE[type],
      storage: {
        kind: 'computed',
        byteLength: constant.byteLength,
        pieces: () => [order ? transposeBytes(constant.read(), own, order, size) : constant.read()],
      },
    });
    return unique;
  }

  /** Returns the graph without nodes and constants that no output needs. */
  finish(name: string): Model {
    const needed = new Set(this.outputs.map((output) => output.name));

    const kept: Node[] = [];
    // Nodes are emitted after the nodes that they read.
    for (const node of this.nodes.toReversed()) {
      if (!node.outputs.some((output) => needed.has(output))) continue;
      kept.push(node);
      for (const input of node.inputs) needed.add(input);
    }
    return {
      irVersion: IR_VERSION,
      producer: 'sparewheel-tfjs',
      opsetImports: [{ domain: '', version: OPSET }],
      graph: {
        name,
        nodes: kept.reverse(),
        initializers: this.initializers.filter((tensor) => needed.has(tensor.name)),
        sparseInitializers: [],
        inputs: this.inputs,
        outputs: this.outputs,
        valueInfos: [],
      },
      functions: [],
    };
  }

  private transposed(name: string, perm: readonly number[]): string {
    return this.node('Transpose', [name], { perm }, `${name}/transpose`);
  }

  private push(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeInput>>,
    name: string,
    outputs: readonly string[],
  ): void {
    if (this.nodes.length >= MAX_NODES) throw invalid(`the model has more than ${MAX_NODES} operations`);
    this.nodes.push({
      name: unique(name, this.nodeNames),
      opType,
      domain: '',
      inputs,
      outputs,
      attributes: Object.entries(attributes).map(([key, value]) => attributeOf(key, value)),
    });
  }

  private uniqueTensor(name: string): string {
    return unique(name, this.tensorNames);
  }
}

/** Returns a value for the only output of a node. */
export function lastValue(
  name: string,
  type: TensorType,
  dims: readonly Known[] | undefined,
  elements?: readonly Known[],
): Value {
  return { type, dims, elements, names: { last: name } };
}

export function firstValue(name: string, type: TensorType, dims: readonly Known[]): Value {
  return { type, dims, names: { first: name } };
}

/** Returns a constant integer or boolean tensor. */
export function intValue(
  elements: readonly number[],
  dims: readonly number[],
  type: TensorType = 'int32',
): Value {
  const read = () =>
    type === 'bool' ? Uint8Array.from(elements) : new Uint8Array(Int32Array.from(elements).buffer);
  const byteLength = elements.length * (type === 'bool' ? 1 : 4);
  return {
    type,
    dims,
    ...(elements.length <= MAX_ELEMENTS && { elements }),
    constant: { byteLength, read },
    names: {},
  };
}

export function floatValue(elements: readonly number[], dims: readonly number[]): Value {
  const read = () => new Uint8Array(Float32Array.from(elements).buffer);
  return { type: 'float32', dims, constant: { byteLength: elements.length * 4, read }, names: {} };
}

function symbolOf(axis: number, rank: number, prefix: string): string {
  if (axis === 0) return 'batch';
  return prefix + (rank === 4 && axis < 3 ? ['', 'height', 'width'][axis] : `dim${axis}`);
}

/** @param next  the next number to append, by name */
function unique(name: string, next: Map<string, number>): string {
  const number = next.get(name);
  if (number === undefined) {
    next.set(name, 2);
    return name;
  }
  next.set(name, number + 1);
  return unique(`${name}_${number}`, next);
}

function attributeOf(name: string, value: AttributeInput): Attribute {
  if (typeof value === 'number') return { name, kind: 'int', value: BigInt(value) };
  if (typeof value === 'string') return { name, kind: 'string', value: new TextEncoder().encode(value) };
  if ('float' in value) return { name, kind: 'float', value: value.float };
  return { name, kind: 'ints', value: value.map(BigInt) };
}
