import {
  type Attribute,
  type ConstantTensor,
  DATA_TYPE,
  type Model,
  type Node,
  type ValueInfo,
} from '@sparewheel/onnx';

/** A tensor of the graph under construction. */
export interface Value {
  readonly name: string;
  readonly dims: readonly number[];
}

/**
 * Returns the values of a weight tensor.
 * @param fanIn  number of inputs summed for one output; 0 for a bias
 */
export type WeightSource = (name: string, dims: readonly number[], fanIn: number) => Float32Array;

/** One number for all spatial axes, or one number per axis. */
export type PerAxis = number | readonly number[];

/** The oldest opset in which all operators used here have their current form. */
const OPSET = 13;
const IR_VERSION = 8;

/** Builds a float32 ONNX model layer by layer and computes the shapes. */
export class GraphBuilder {
  private readonly nodes: Node[] = [];
  private readonly initializers: ConstantTensor[] = [];
  private readonly inputs: ValueInfo[] = [];
  private readonly outputs: ValueInfo[] = [];

  constructor(
    private readonly name: string,
    private readonly weights: WeightSource,
  ) {}

  input(name: string, dims: readonly number[]): Value {
    this.inputs.push({ name, type: { kind: 'tensor', dataType: DATA_TYPE.float32, dims } });
    return { name, dims };
  }

  /** Declares a value as an output of the graph, under the value's own name. */
  output(value: Value): void {
    this.outputs.push({
      name: value.name,
      type: { kind: 'tensor', dataType: DATA_TYPE.float32, dims: value.dims },
    });
  }

  finish(): Model {
    return {
      irVersion: IR_VERSION,
      producer: 'sparewheel-zoo',
      opsetImports: [{ domain: '', version: OPSET }],
      graph: {
        name: this.name,
        nodes: this.nodes,
        initializers: this.initializers,
        sparseInitializers: [],
        inputs: this.inputs,
        outputs: this.outputs,
        valueInfos: [],
      },
      functions: [],
    };
  }

  /** Adds a convolution with bias. It has as many spatial axes as the input. */
  conv(
    name: string,
    input: Value,
    options: { channels: number; kernel: PerAxis; stride?: PerAxis; padding?: PerAxis },
  ): Value {
    const window = this.window(input, options);
    const inChannels = input.dims[1]!;
    const fanIn = inChannels * product(window.kernel);
    const weight = this.weight(`${name}.weight`, [options.channels, inChannels, ...window.kernel], fanIn);
    const bias = this.weight(`${name}.bias`, [options.channels], 0);
    const dims = [input.dims[0]!, options.channels, ...window.positions];
    return this.node(name, 'Conv', [input.name, weight, bias], dims, window.attributes);
  }

  /**
   * Adds a fully-connected layer with bias over an input [rows, n]; weights [units, n].
   * @param output  name of the result; the default is `name`
   */
  dense(name: string, input: Value, units: number, output?: string): Value {
    const [rows, inner] = input.dims;
    const weight = this.weight(`${name}.weight`, [units, inner!], inner!);
    const bias = this.weight(`${name}.bias`, [units], 0);
    const attributes = [int('transB', 1)];
    return this.node(name, 'Gemm', [input.name, weight, bias], [rows!, units], attributes, output);
  }

  relu(input: Value): Value {
    return this.node(`${input.name}.relu`, 'Relu', [input.name], input.dims);
  }

  maxPool(
    name: string,
    input: Value,
    options: { kernel: PerAxis; stride: PerAxis; padding?: PerAxis },
  ): Value {
    const { positions, attributes } = this.window(input, options);
    return this.node(name, 'MaxPool', [input.name], [...input.dims.slice(0, 2), ...positions], attributes);
  }

  /** Adds an average pool in which padding counts as zeros. */
  averagePool(
    name: string,
    input: Value,
    options: { kernel: PerAxis; stride: PerAxis; padding?: PerAxis },
  ): Value {
    const { positions, attributes } = this.window(input, options);
    const dims = [...input.dims.slice(0, 2), ...positions];
    return this.node(name, 'AveragePool', [input.name], dims, [...attributes, int('count_include_pad', 1)]);
  }

  globalAveragePool(name: string, input: Value): Value {
    const dims = [...input.dims.slice(0, 2), ...input.dims.slice(2).map(() => 1)];
    return this.node(name, 'GlobalAveragePool', [input.name], dims);
  }

  /** Reshapes [n, …] to [n, product of the rest]. */
  flatten(name: string, input: Value): Value {
    return this.node(name, 'Flatten', [input.name], [input.dims[0]!, product(input.dims.slice(1))]);
  }

  concat(name: string, inputs: readonly Value[], axis = 1): Value {
    const dims = [...inputs[0]!.dims];
    dims[axis] = inputs.reduce((sum, { dims: own }) => sum + own[axis]!, 0);
    const names = inputs.map((value) => value.name);
    return this.node(name, 'Concat', names, dims, [int('axis', axis)]);
  }

  transpose(name: string, input: Value, order: readonly number[]): Value {
    const dims = order.map((axis) => input.dims[axis]!);
    return this.node(name, 'Transpose', [input.name], dims, [ints('perm', order)]);
  }

  reshape(name: string, input: Value, dims: readonly number[]): Value {
    const shape = `${name}.shape`;
    const bytes = new Uint8Array(BigInt64Array.from(dims, BigInt).buffer);
    this.initializers.push({
      name: shape,
      dims: [dims.length],
      dataType: DATA_TYPE.int64,
      storage: { kind: 'raw', bytes },
    });
    return this.node(name, 'Reshape', [input.name, shape], dims);
  }

  private node(
    name: string,
    opType: string,
    inputs: readonly string[],
    dims: readonly number[],
    attributes: readonly Attribute[] = [],
    output = name,
  ): Value {
    this.nodes.push({ name, opType, domain: '', inputs, outputs: [output], attributes });
    return { name: output, dims };
  }

  private weight(name: string, dims: readonly number[], fanIn: number): string {
    const values = this.weights(name, dims, fanIn);
    if (values.length !== product(dims)) {
      throw new RangeError(
        `${name} has shape [${dims}], but the weight source returned ${values.length} values`,
      );
    }
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.push({ name, dims, dataType: DATA_TYPE.float32, storage: { kind: 'raw', bytes } });
    return name;
  }

  private window(
    input: Value,
    { kernel, stride = 1, padding = 0 }: { kernel: PerAxis; stride?: PerAxis; padding?: PerAxis },
  ): { kernel: readonly number[]; positions: number[]; attributes: Attribute[] } {
    const spatial = input.dims.slice(2);
    const perAxis = (value: PerAxis): readonly number[] =>
      typeof value === 'number' ? spatial.map(() => value) : value;
    const [kernels, strides, paddings] = [perAxis(kernel), perAxis(stride), perAxis(padding)];
    const positions = spatial.map((length, i) => windowCount(length, kernels[i]!, strides[i]!, paddings[i]!));
    if (positions.some((count) => count < 1)) {
      throw new RangeError(
        `a window of ${kernels.join(' × ')} does not fit into ${input.name} [${input.dims}]`,
      );
    }
    const attributes = [
      ints('kernel_shape', kernels),
      ints('pads', [...paddings, ...paddings]),
      ints('strides', strides),
    ];
    return { kernel: kernels, positions, attributes };
  }
}

/** Returns the number of positions of a window along a padded axis. */
export function windowCount(length: number, kernel: number, stride: number, padding: number): number {
  return Math.floor((length + 2 * padding - kernel) / stride) + 1;
}

function product(factors: readonly number[]): number {
  return factors.reduce((result, factor) => result * factor, 1);
}

function int(name: string, value: number): Attribute {
  return { name, kind: 'int', value: BigInt(value) };
}

function ints(name: string, values: readonly number[]): Attribute {
  return { name, kind: 'ints', value: values.map(BigInt) };
}
