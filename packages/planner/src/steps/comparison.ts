import type { Comparison } from '../plan.ts';
import type { LayerProfile, ModelProfile } from '../profile.ts';

/** Operators that give other values in each run, also with a seed: only the first run of a session begins with it. */
const RANDOM = new Set([
  ...['RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike'],
  ...['Multinomial', 'Bernoulli'],
]);

/** Operators that round real numbers to few integers. Kernels may also fuse them with the product that follows. */
const QUANTIZED = new Set([
  ...['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear', 'MatMulNBits'],
  ...['QLinearConv', 'QLinearMatMul', 'QLinearAdd', 'QGemm', 'QAttention', 'DynamicQuantizeMatMul'],
  ...['MatMulIntegerToFloat', 'DynamicQuantizeLSTM', 'GatherBlockQuantized'],
]);

/** Operators whose result jumps when a real input changes by a rounding error. */
const JUMPING = new Set([
  ...['ArgMax', 'ArgMin', 'TopK', 'Hardmax', 'NonMaxSuppression', 'NonZero', 'Unique'],
  ...['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal', 'Sign'],
  ...['Round', 'Floor', 'Ceil', 'Mod', 'Cast', 'QuantizeLinear', 'DynamicQuantizeLinear'],
]);

/** Operators that only move, choose or negate values: every kernel gives the same bits. */
const EXACT = new Set([
  ...[
    'Identity',
    'Reshape',
    'Flatten',
    'Transpose',
    'Squeeze',
    'Unsqueeze',
    'Slice',
    'Split',
    'Concat',
    'Pad',
  ],
  ...['Expand', 'Tile', 'Gather', 'GatherND', 'GatherElements', 'ScatterND', 'ScatterElements', 'Compress'],
  ...[
    'DepthToSpace',
    'SpaceToDepth',
    'Shape',
    'Size',
    'ConstantOfShape',
    'Where',
    'Neg',
    'Abs',
    'Relu',
    'Clip',
  ],
  ...['Max', 'Min', 'MaxPool', 'GlobalMaxPool', 'ReduceMax', 'ReduceMin'],
]);

const REAL = new Set(['float32', 'float64', 'float16', 'bfloat16']);

/**
 * Largest differences of correct copies, relative to the largest value: see docs/LIMITS.md for the measurements.
 * Quantization turns a rounding error into a whole step of its scale.
 */
const QUANTIZED_TOLERANCE = 2 ** -5;
/** Each operator rounds to 11 bits. */
const HALF_TOLERANCE = 2 ** -7;

/** Returns how the copies of a subgraph can be compared; undefined if the usual tolerance holds. */
export function comparisonOf(profile: ModelProfile, nodes: readonly number[]): Comparison | undefined {
  const layers = nodes.map((node) => profile.layers[node]!);
  const random = [...new Set(layers.flatMap(operators).filter((op) => RANDOM.has(op)))];
  if (random.length > 0) return { random: random.join(', ') };
  const tolerance = toleranceOf(profile, layers);
  const discrete = isDiscrete(profile, layers);
  if (tolerance === undefined && !discrete) return undefined;
  return { ...(tolerance === undefined ? {} : { tolerance }), ...(discrete ? { discrete } : {}) };
}

function operators({ op, bodyOps = [] }: LayerProfile): readonly string[] {
  return [op, ...bodyOps];
}

function toleranceOf(profile: ModelProfile, layers: readonly LayerProfile[]): number | undefined {
  if (layers.some((layer) => operators(layer).some((op) => QUANTIZED.has(op)))) return QUANTIZED_TOLERANCE;
  const half = layers.some(({ outputs }) =>
    outputs.some((name) => profile.tensors[name]?.type === 'float16'),
  );
  return half ? HALF_TOLERANCE : undefined;
}

/** Returns whether an operator whose result jumps reads a real value that the subgraph itself has rounded. */
function isDiscrete(profile: ModelProfile, layers: readonly LayerProfile[]): true | undefined {
  const rounded = new Set<string>();
  for (const layer of layers) {
    const ops = operators(layer);
    const reads = layer.inputs.some((name) => rounded.has(name));
    const rounds = ops.some((op) => !EXACT.has(op) && !JUMPING.has(op));
    const inside = (layer.bodyOps ?? []).length > 0 && rounds;
    if ((reads || inside) && ops.some((op) => JUMPING.has(op))) return true;
    if (!reads && !rounds && !QUANTIZED.has(layer.op)) continue;
    for (const name of layer.outputs) {
      const type = profile.tensors[name]?.type;
      if (reads || type === undefined || REAL.has(type) || QUANTIZED.has(layer.op)) rounded.add(name);
    }
  }
  const quantizedFetch = layers.some(({ op, outputs }) =>
    outputs.some((name) => QUANTIZED.has(op) && !REAL.has(profile.tensors[name]?.type ?? '')),
  );
  return quantizedFetch || undefined;
}
