import { elementCount } from '@sparewheel/protocol';
import { int, ints, real, text } from './exported.ts';
import type { AddLayer, RandomChoices } from './random-graph-builder.ts';

const divisors = (whole: number) =>
  Array.from({ length: whole }, (_, i) => i + 1).filter((divisor) => whole % divisor === 0);

/** x · W; sometimes W has a batch axis. */
const matMulRight: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const inner = dims.at(-1)!;
  const columns = draw.from(1, 13);
  const lead = dims.length > 2 && draw.chance(0.2) ? [dims.at(-3)!] : [];
  const weights = graph.weights([...lead, inner, columns], inner);
  return [graph.add('MatMul', [name, weights], [...dims.slice(0, -1), columns])];
};

/** W · x. */
const matMulLeft: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  if (dims.length < 2) return null;
  const inner = dims.at(-2)!;
  const rows = draw.from(1, 13);
  const weights = graph.weights([rows, inner], inner);
  return [graph.add('MatMul', [weights, name], [...dims.slice(0, -2), rows, dims.at(-1)!])];
};

/** x · W + b as MatMul and Add, with the bias on either side. */
const matMulAdd: AddLayer = (context) => {
  const [product] = matMulRight(context)!;
  const { draw, graph } = context;
  const bias = graph.weights([product!.dims.at(-1)!], 1);
  const inputs = draw.chance(0.5) ? [product!.name, bias] : [bias, product!.name];
  return [graph.add('Add', inputs, product!.dims)];
};

/** α · x(ᵀ) · W(ᵀ) + β · C, without C or with C of any shape that broadcasts. */
const gemm: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  if (dims.length !== 2) return null;
  const [transA, transB] = [draw.from(0, 1), draw.from(0, 1)];
  const [rows, inner] = transA ? [dims[1]!, dims[0]!] : [dims[0]!, dims[1]!];
  const columns = draw.from(1, 13);
  const weights = graph.weights(transB ? [columns, inner] : [inner, columns], inner);
  const addends = [null, [], [1], [columns], [1, columns], [rows, 1], [rows, columns], [1, 1]];
  const addend = draw.pick<readonly number[] | null>(addends);
  const inputs = [name, weights, ...(addend ? [graph.weights(addend, 1)] : [])];
  const attributes = [int('transA', transA), int('transB', transB)];
  if (draw.chance(0.3)) attributes.push(real('alpha', draw.pick([0.5, 1, 2])));
  if (draw.chance(0.3)) attributes.push(real('beta', draw.pick([0, 0.5, 1, 2])));
  return [graph.add('Gemm', inputs, [rows, columns], attributes)];
};

/** Draws a window that fits into the spatial axes. */
export function window(draw: RandomChoices, spatial: readonly number[]) {
  const kernel = spatial.map((size) => draw.from(1, Math.min(3, size)));
  const strides = spatial.map(() => draw.from(1, 2));
  const dilations = spatial.map((size, i) =>
    kernel[i]! > 1 && 2 * (kernel[i]! - 1) < size ? draw.from(1, 2) : 1,
  );
  const pads = spatial.map((_, i) => draw.from(0, kernel[i]! - 1));
  const ends = pads.map((pad, i) => (draw.chance(0.7) ? pad : draw.from(0, kernel[i]! - 1)));
  return { kernel, strides, dilations, pads: [...pads, ...ends] };
}

const conv: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const spatial = dims.slice(2);
  if (spatial.length < 1 || spatial.length > 3) return null;
  const channels = dims[1]!;
  const group = draw.chance(0.6) ? 1 : draw.pick(divisors(channels));
  const filters = group * draw.from(1, group > 1 ? 4 : 11);
  const { kernel, strides, dilations, pads } = window(draw, spatial);
  const weights = graph.weights(
    [filters, channels / group, ...kernel],
    (channels / group) * elementCount(kernel),
  );
  const inputs = [name, weights, ...(draw.chance(0.6) ? [graph.weights([filters], 1)] : [])];
  const common = [
    ints('strides', ...strides),
    ints('kernel_shape', ...kernel),
    ...(group > 1 ? [int('group', group)] : []),
  ];
  const auto = draw.chance(0.2) ? draw.pick(['SAME_UPPER', 'SAME_LOWER', 'VALID']) : null;
  if (auto) {
    const out = spatial.map((size, i) =>
      auto === 'VALID' ? Math.floor((size - kernel[i]!) / strides[i]!) + 1 : Math.ceil(size / strides[i]!),
    );
    return [graph.add('Conv', inputs, [dims[0]!, filters, ...out], [...common, text('auto_pad', auto)])];
  }
  const out = spatial.map((size, i) => {
    const padded = size + pads[i]! + pads[i + spatial.length]!;
    return Math.floor((padded - dilations[i]! * (kernel[i]! - 1) - 1) / strides[i]!) + 1;
  });
  if (out.some((size) => size < 1)) return null;
  const attributes = [...common, ints('dilations', ...dilations), ints('pads', ...pads)];
  return [graph.add('Conv', inputs, [dims[0]!, filters, ...out], attributes)];
};

const convTranspose: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const spatial = dims.slice(2);
  if (spatial.length < 1 || spatial.length > 3) return null;
  const channels = dims[1]!;
  const group = draw.chance(0.6) ? 1 : draw.pick(divisors(channels));
  const perGroup = draw.from(1, group > 1 ? 3 : 7);
  const { kernel, strides, dilations, pads } = window(draw, spatial);
  const more = strides.map((stride) => (draw.chance(0.3) ? stride - 1 : 0));
  const weights = graph.weights([channels, perGroup, ...kernel], (channels / group) * elementCount(kernel));
  const inputs = [name, weights, ...(draw.chance(0.6) ? [graph.weights([group * perGroup], 1)] : [])];
  const out = spatial.map(
    (size, i) =>
      strides[i]! * (size - 1) +
      more[i]! +
      dilations[i]! * (kernel[i]! - 1) +
      1 -
      pads[i]! -
      pads[i + spatial.length]!,
  );
  if (out.some((size) => size < 1)) return null;
  const attributes = [
    ints('strides', ...strides),
    ints('kernel_shape', ...kernel),
    ints('dilations', ...dilations),
    ints('pads', ...pads),
    ints('output_padding', ...more),
    ...(group > 1 ? [int('group', group)] : []),
  ];
  return [graph.add('ConvTranspose', inputs, [dims[0]!, group * perGroup, ...out], attributes)];
};

/** Layers that can be coded, in all forms. */
export const LINEAR_LAYERS: readonly AddLayer[] = [
  matMulRight,
  matMulLeft,
  matMulAdd,
  gemm,
  conv,
  conv,
  convTranspose,
];
