import { type ConstantTensor, DATA_TYPE, type Graph, intAttribute, type Node } from './model.ts';

/** Returns whether a data type is float16 or bfloat16. */
export function isHalf(dataType: number): boolean {
  return dataType === DATA_TYPE.float16 || dataType === DATA_TYPE.bfloat16;
}

/**
 * Returns the half-precision constants that a Cast to float32 hands over, under the names of the casts' outputs. They
 * keep their half-precision type.
 */
export function castConstants(graph: Graph): ConstantTensor[] {
  const constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  return graph.nodes.flatMap((node) => castTensor(constants, graph.outputs, node) ?? []);
}

function castTensor(
  constants: ReadonlyMap<string, ConstantTensor>,
  outputs: Graph['outputs'],
  node: Node,
): ConstantTensor | undefined {
  if (node.opType !== 'Cast' || node.domain !== '') return undefined;
  const tensor = constants.get(node.inputs[0]!);
  const name = node.outputs[0]!;
  const toFloat = intAttribute(node, 'to', 0) === DATA_TYPE.float32;
  if (!tensor || !toFloat || !isHalf(tensor.dataType) || outputs.some((output) => output.name === name)) {
    return undefined;
  }
  return { ...tensor, name };
}

/** Converts float16 or bfloat16 elements to float32, without rounding. */
export function halfToFloat32(elements: Uint16Array, dataType: number): Float32Array {
  const bits = new Uint32Array(elements.length);
  if (dataType === DATA_TYPE.bfloat16) {
    for (let i = 0; i < elements.length; i++) bits[i] = elements[i]! << 16;
    return new Float32Array(bits.buffer);
  }
  const values = new Float32Array(elements.length);
  const table = float16Values();
  for (let i = 0; i < elements.length; i++) values[i] = table[elements[i]!]!;
  return values;
}

let table: Float32Array | undefined;

/** Returns the value of every float16. */
function float16Values(): Float32Array {
  if (table) return table;
  table = new Float32Array(2 ** 16);
  for (let bits = 0; bits < table.length; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const sign = bits >> 15 ? -1 : 1;
    if (exponent === 31) table[bits] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    else if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
}
