/** A small network with 8-bit weights in the three forms of ONNX Runtime's quantizer, and with a free batch. */
import { type ConstantTensor, DATA_TYPE, joinChunks, type Model, writeModel } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import ort from 'onnxruntime-node';

const ARRAYS = { int8: Int8Array, uint8: Uint8Array, int32: Int32Array };

/** Creates an integer constant. Default values: spread over the whole range of 8 bits. */
function integers(
  name: string,
  type: keyof typeof ARRAYS,
  dims: readonly number[],
  values?: readonly number[],
): ConstantTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const lowest = type === 'uint8' ? 0 : -127;
  const data = ARRAYS[type].from(
    values ?? Array.from({ length: count }, (_, i) => lowest + ((i * i * 89 + i) % 255)),
  );
  const bytes = new Uint8Array(data.buffer);
  return { name, dims, dataType: DATA_TYPE[type], storage: { kind: 'raw', bytes } };
}

const FILTERS = 16;
const HIDDEN = 24;
const FLAT = FILTERS * 6 * 6;

/** QLinearConv with a scale for each filter, a Gemm between QDQ nodes, then dynamic quantization with MatMulInteger. */
const NETWORK: Model = model({
  inputs: [value('x', ['batch', 3, 8, 8])],
  initializers: [
    floats('xs', [], [0.01]),
    integers('xz', 'uint8', [], [128]),
    integers('filters', 'int8', [FILTERS, 3, 3, 3]),
    floats(
      'filter-scales',
      [FILTERS],
      Array.from({ length: FILTERS }, (_, filter) => 0.004 + 0.001 * (filter % 5)),
    ),
    integers('filter-zeros', 'int8', [FILTERS], new Array(FILTERS).fill(0)),
    floats('hs', [], [0.05]),
    integers('hz', 'uint8', [], [100]),
    integers('bias', 'int32', [FILTERS]),
    integers('dense', 'int8', [HIDDEN, FLAT]),
    floats('dense-scale', [], [0.002]),
    integers('dense-zero', 'int8', [], [0]),
    floats('dense-bias', [HIDDEN]),
    floats('gs', [], [0.05]),
    integers('head', 'uint8', [HIDDEN, 20]),
    integers('head-zero', 'uint8', [], [131]),
    floats('head-scale', [], [0.003]),
  ],
  nodes: [
    node('QuantizeLinear', ['x', 'xs', 'xz'], ['q']),
    node(
      'QLinearConv',
      ['q', 'xs', 'xz', 'filters', 'filter-scales', 'filter-zeros', 'hs', 'hz', 'bias'],
      ['c'],
    ),
    node('DequantizeLinear', ['c', 'hs', 'hz'], ['r']),
    node('Relu', ['r'], ['a']),
    node('Flatten', ['a'], ['f']),
    node('QuantizeLinear', ['f', 'hs', 'hz'], ['fq']),
    node('DequantizeLinear', ['fq', 'hs', 'hz'], ['fd']),
    node('DequantizeLinear', ['dense', 'dense-scale', 'dense-zero'], ['dd']),
    node('Gemm', ['fd', 'dd', 'dense-bias'], ['gf'], [{ name: 'transB', kind: 'int', value: 1n }]),
    node('QuantizeLinear', ['gf', 'gs', 'hz'], ['gi']),
    node('DequantizeLinear', ['gi', 'gs', 'hz'], ['g']),
    node('DynamicQuantizeLinear', ['g'], ['gq', 'as', 'gz']),
    node('MatMulInteger', ['gq', 'head', 'gz', 'head-zero'], ['i']),
    node('Cast', ['i'], ['if'], [{ name: 'to', kind: 'int', value: BigInt(DATA_TYPE.float32) }]),
    node('Mul', ['as', 'head-scale'], ['s']),
    node('Mul', ['if', 's'], ['y']),
  ],
  outputs: [value('y', ['batch', 20])],
});

export const QUANTIZED_LAYERS = 3;

export function quantizedNetwork(): Uint8Array {
  return joinChunks(writeModel(NETWORK));
}

/** Returns a value in [−1, 1) that looks random. */
function seededInput(index: number, element: number): number {
  const mixed = Math.imul(Math.imul(element + 1, 0x9e3779b1) ^ (index * 0x1003f), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) / 2 ** 31;
}

export interface QuantizedCase {
  readonly input: { readonly name: 'x'; readonly dims: readonly number[]; readonly data: Float32Array };
  /** The output of plain ONNX Runtime on the undivided network. */
  readonly expected: Float32Array;
}

/** Returns inputs of different batches, with the outputs that a request must get, bit for bit. */
export async function quantizedCases(count: number): Promise<QuantizedCase[]> {
  const session = await ort.InferenceSession.create(quantizedNetwork());
  const cases: QuantizedCase[] = [];
  for (let index = 0; index < count; index++) {
    const batch = 1 + (index % 3);
    const dims = [batch, 3, 8, 8];
    const data = Float32Array.from({ length: batch * 192 }, (_, i) => seededInput(index, i));
    const { y } = await session.run({ x: new ort.Tensor('float32', data, dims) });
    cases.push({ input: { name: 'x', dims, data }, expected: y!.data as Float32Array });
  }
  await session.release();
  return cases;
}
