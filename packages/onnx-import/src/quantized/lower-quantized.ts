import type { LoadedModel, Model, Node } from '@sparewheel/onnx';
import { lowerDynamic } from './dynamic.ts';
import { GraphEdit } from './graph-edit.ts';
import { lowerQdq } from './qdq.ts';
import { lowerQLinear } from './static.ts';

const RULES: Readonly<Record<string, (edit: GraphEdit, node: Node) => boolean>> = {
  MatMulInteger: lowerDynamic,
  ConvInteger: lowerDynamic,
  QLinearMatMul: lowerQLinear,
  QLinearConv: lowerQLinear,
  Gemm: lowerQdq,
  MatMul: lowerQdq,
  Conv: lowerQdq,
};

/** Nodes that a rewrite can leave without a reader. */
const REMOVABLE = new Set(['DequantizeLinear']);

/**
 * Rewrites quantized layers so that their integer products stand alone: MatMulInteger or ConvInteger with constant
 * weights and zero points, then bias, scale and rounding. Only such a product is exactly linear, so only it can be
 * coded exactly. Layers without constant weights, scales and zero points stay as they are.
 */
export function lowerQuantized(loaded: LoadedModel): Model {
  const { nodes } = loaded.model.graph;
  if (!nodes.some(({ opType }) => QUANTIZED.has(opType))) return loaded.model;
  const edit = new GraphEdit(loaded);
  for (const node of nodes) {
    if (edit.isReplaced(node)) continue;
    const rule = node.domain === '' ? RULES[node.opType] : undefined;
    if (!rule?.(edit, node)) edit.keep(node);
  }
  return edit.finish(REMOVABLE);
}

const QUANTIZED = new Set([
  'MatMulInteger',
  'ConvInteger',
  'QLinearMatMul',
  'QLinearConv',
  'DequantizeLinear',
]);
