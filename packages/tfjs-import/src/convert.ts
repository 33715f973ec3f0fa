import type { Model } from '@sparewheel/onnx';
import { convertGraph } from './graph-model/convert-graph.ts';
import { convertLayers } from './layers-model/convert-layers.ts';
import { parseModelJson } from './model-json.ts';
import { type WeightFiles, weightTable } from './weights.ts';

/**
 * Converts a TensorFlow.js model to ONNX. Weights are expanded and transposed when the result is written, one
 * at a time.
 * @param json  the parsed model.json: a graph model or a layers model
 * @throws {ModelRejectedError} the files are incomplete, or a part has no conversion; the message names it
 */
export function convertTfjs(json: unknown, files: WeightFiles): Model {
  const model = parseModelJson(json);
  const weights = weightTable(model.weightGroups, files);
  return model.format === 'graph'
    ? convertGraph(model.nodes, model.signature, weights)
    : convertLayers(model.model, weights);
}
