import type { Model } from '@sparewheel/onnx';
import { z } from 'zod';
import { invalid, unsupported } from '../errors.ts';
import { evaluationOrder } from '../evaluation-order.ts';
import { check, type LayerConfig, layerConfig } from '../model-json.ts';
import { Emitter } from '../tensors/emitter.ts';
import type { Known, TensorType, Value } from '../tensors/value.ts';
import type { Weight } from '../weights.ts';
import { LayerContext, type LayerConversion } from './layer-context.ts';
import { LayerWeights } from './layer-weights.ts';
import { PLAIN_LAYERS } from './plain-layers.ts';
import { WEIGHTED_LAYERS } from './weighted-layers.ts';

/** All layers that have a conversion, by their class name in Keras. */
export const LAYERS: Readonly<Record<string, LayerConversion>> = { ...WEIGHTED_LAYERS, ...PLAIN_LAYERS };

const MODELS = new Set(['Model', 'Functional', 'Sequential']);
/** Models of models. Transfer learning has two or three levels. */
const MAX_DEPTH = 16;
/** A model that is used twice by each of its users doubles with each level. */
const MAX_LAYER_CALLS = 20_000;

const tensorReference = z
  .tuple([z.string(), z.number().int().min(0), z.number().int().min(0)])
  .rest(z.unknown());
type TensorReference = readonly [layer: string, call: number, tensor: number, ...rest: unknown[]];

const referenceList = z.union([z.array(tensorReference), tensorReference.transform((one) => [one])]);

const functionalConfig = z.object({
  layers: z.array(layerConfig),
  input_layers: referenceList,
  output_layers: referenceList,
});

const sequentialConfig = z.union([
  z.array(layerConfig),
  z.object({ layers: z.array(layerConfig) }).transform(({ layers }) => layers),
]);

/** One list of input tensors for each call of the layer. */
const inboundNodes = z.array(z.array(tensorReference));

/**
 * Converts a layers model.
 * @throws {ModelRejectedError} a layer is not supported, or the model is invalid; the message names the layer
 */
export function convertLayers(model: LayerConfig, weights: ReadonlyMap<string, Weight>): Model {
  if (!MODELS.has(model.class_name)) throw unsupported(`the model class "${model.class_name}"`);
  const outputs = uniqueNames(outputNames(model, 0));
  const emitter = new Emitter(outputs);
  const inputs = declaredInputs(model, 0);
  const names = uniqueNames(inputs.map(({ name }) => name));
  const values = inputs.map(({ type, dims }, index) =>
    emitter.input(names[index]!, type, dims, inputs.length > 1 ? `${names[index]}_` : ''),
  );
  const results = new ModelConverter(emitter, new LayerWeights(weights)).convert(model, values, 0);
  for (const [index, name] of outputs.entries()) emitter.output(name, results[index]!);
  return emitter.finish('tfjs-layers-model');
}

class ModelConverter {
  private calls = 0;

  constructor(
    private readonly emitter: Emitter,
    private readonly weights: LayerWeights,
  ) {}

  convert(model: LayerConfig, inputs: readonly Value[], depth: number): readonly Value[] {
    return model.class_name === 'Sequential'
      ? this.sequential(model, inputs, depth)
      : this.functional(model, inputs, depth);
  }

  private sequential(model: LayerConfig, inputs: readonly Value[], depth: number): readonly Value[] {
    const layers = sequentialLayers(model);
    return layers.reduce(
      (values, layer) => (layer.class_name === 'InputLayer' ? values : this.call(layer, values, depth)),
      inputs,
    );
  }

  private functional(model: LayerConfig, inputs: readonly Value[], depth: number): readonly Value[] {
    const { layers, input_layers, output_layers } = functionalParts(model);
    const byName = new Map(layers.map((layer) => [nameOf(layer), layer]));
    if (byName.size !== layers.length) throw invalid(`two layers of a model have the same name`);
    const nodes = new Map(layers.map((layer) => [nameOf(layer), callsOf(layer)]));
    const offsets = modelOffsets(layers, nodes, output_layers);
    const key = ([layer, call]: TensorReference) => `${call - (offsets.get(layer) ?? 0)} ${layer}`;
    const values = new Map<string, readonly Value[]>();
    if (inputs.length !== input_layers.length) {
      throw invalid(`a model with ${input_layers.length} inputs is called with ${inputs.length}`);
    }
    for (const [index, reference] of input_layers.entries()) values.set(key(reference), [inputs[index]!]);

    const parts = (name: string): { layer: LayerConfig; references: readonly TensorReference[] } => {
      const space = name.indexOf(' ');
      const layer = byName.get(name.slice(space + 1));
      const references = layer && nodes.get(nameOf(layer))![Number(name.slice(0, space))];
      if (!references)
        throw invalid(`a layer reads the output of "${name.slice(space + 1)}", which does not exist`);
      return { layer: layer!, references };
    };
    const order = evaluationOrder(output_layers.map(key), (name) =>
      values.has(name) ? [] : parts(name).references.map(key),
    );
    const tensor = (reference: TensorReference) => {
      const value = values.get(key(reference))?.[reference[2]];
      if (!value) throw invalid(`the layer "${reference[0]}" has no output ${reference[2]}`);
      return value;
    };
    for (const name of order) {
      if (values.has(name)) continue;
      const { layer, references } = parts(name);
      values.set(name, this.call(layer, references.map(tensor), depth));
    }
    return output_layers.map(tensor);
  }

  private call(layer: LayerConfig, inputs: readonly Value[], depth: number): readonly Value[] {
    if (++this.calls > MAX_LAYER_CALLS) throw invalid(`the model has more than ${MAX_LAYER_CALLS} layers`);
    if (MODELS.has(layer.class_name)) {
      checkDepth(depth + 1);
      return this.convert(layer, inputs, depth + 1);
    }
    const name = nameOf(layer);
    const convert = Object.hasOwn(LAYERS, layer.class_name) ? LAYERS[layer.class_name] : undefined;
    if (!convert) throw unsupported(`the layer "${layer.class_name}" (named "${name}")`);
    return [
      convert(new LayerContext(name, layer.class_name, layer.config, inputs, this.emitter, this.weights)),
    ];
  }
}

/**
 * Returns by how much references to a nested model count its calls too high. Keras counts the creation of some
 * nested models as their first call.
 */
function modelOffsets(
  layers: readonly LayerConfig[],
  nodes: ReadonlyMap<string, readonly (readonly TensorReference[])[]>,
  outputs: readonly TensorReference[],
): Map<string, number> {
  const highest = new Map<string, number>();
  for (const [layer, call] of [...[...nodes.values()].flat(2), ...outputs]) {
    highest.set(layer, Math.max(call, highest.get(layer) ?? 0));
  }
  const nested = layers.filter(({ class_name }) => MODELS.has(class_name)).map(nameOf);
  return new Map(
    nested.map((name) => {
      const calls = nodes.get(name)!.length;
      return [name, calls > 0 && highest.get(name) === calls ? 1 : 0];
    }),
  );
}

interface DeclaredInput {
  readonly name: string;
  readonly type: TensorType;
  readonly dims: readonly Known[];
}

const inputConfig = z.object({
  name: z.string().optional(),
  batch_input_shape: z.array(z.number().int().min(1).nullable()).min(1).max(16).nullish(),
  batch_shape: z.array(z.number().int().min(1).nullable()).min(1).max(16).nullish(),
  dtype: z.unknown().optional(),
});

function declaredInputs(model: LayerConfig, depth: number): DeclaredInput[] {
  checkDepth(depth);
  if (model.class_name !== 'Sequential') {
    const { layers, input_layers } = functionalParts(model);
    return input_layers.map(([name]) => {
      const layer = layers.find((each) => nameOf(each) === name);
      if (!layer) throw invalid(`the input layer "${name}" does not exist`);
      return declaredInput(layer);
    });
  }
  const [first] = sequentialLayers(model);
  if (!first) throw invalid('a Sequential model has no layers');
  return MODELS.has(first.class_name) ? declaredInputs(first, depth + 1) : [declaredInput(first)];
}

function declaredInput(layer: LayerConfig): DeclaredInput {
  const config = check(inputConfig, layer.config, `the input of the layer "${nameOf(layer)}"`);
  const dims = config.batch_input_shape ?? config.batch_shape;
  if (!dims) throw invalid(`the layer "${nameOf(layer)}" does not declare the shape of the input`);
  const name = layer.class_name === 'InputLayer' ? nameOf(layer) : `${nameOf(layer)}_input`;
  return { name, type: config.dtype === 'int32' ? 'int32' : 'float32', dims };
}

function outputNames(model: LayerConfig, depth: number): string[] {
  checkDepth(depth);
  if (model.class_name !== 'Sequential') return functionalParts(model).output_layers.map(([name]) => name);
  const last = sequentialLayers(model).at(-1);
  if (!last) throw invalid('a Sequential model has no layers');
  return MODELS.has(last.class_name) ? outputNames(last, depth + 1) : [nameOf(last)];
}

function sequentialLayers(model: LayerConfig): readonly LayerConfig[] {
  return check(sequentialConfig, model.config, 'the configuration of a Sequential model');
}

function functionalParts(model: LayerConfig) {
  const parts = check(functionalConfig, model.config, 'the configuration of a model');
  return parts as unknown as {
    layers: readonly LayerConfig[];
    input_layers: readonly TensorReference[];
    output_layers: readonly TensorReference[];
  };
}

function callsOf(layer: LayerConfig): readonly (readonly TensorReference[])[] {
  const nodes = check(inboundNodes, layer.inbound_nodes ?? [], `the inputs of the layer "${nameOf(layer)}"`);
  return nodes as unknown as readonly (readonly TensorReference[])[];
}

function nameOf(layer: LayerConfig): string {
  const inner =
    typeof layer.config === 'object' && layer.config !== null && 'name' in layer.config
      ? layer.config.name
      : undefined;
  const name = layer.name ?? inner;
  if (typeof name !== 'string' || name === '')
    throw invalid(`a layer of class "${layer.class_name}" has no name`);
  return name;
}

function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw invalid(`the model has more than ${MAX_DEPTH} models inside each other`);
}

function uniqueNames(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  return names.map((name) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  });
}
