import { z } from 'zod';
import { incomplete } from './errors.ts';

/** Larger files are rejected before they are parsed. The largest known model.json has 2 MB. */
export const MAX_JSON_BYTES = 16 * 2 ** 20;
/** Weights are named in messages, so a name has a bound. */
const name = z.string().min(1).max(1000);
const size = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31);

const quantization = z.object({
  dtype: z.string(),
  scale: z.number().optional(),
  min: z.number().optional(),
});

const weightSpec = z.object({
  name,
  shape: z.array(size).max(16),
  dtype: z.string(),
  quantization: quantization.nullish(),
  /** "optimizer" for the state of an optimizer, which inference does not need. */
  group: z.string().optional(),
});
export type WeightSpec = z.infer<typeof weightSpec>;

const weightGroup = z.object({ paths: z.array(name).max(10_000), weights: z.array(weightSpec) });
export type WeightGroup = z.infer<typeof weightGroup>;

const graphNode = z.object({
  name,
  op: z.string().min(1).max(200),
  input: z.array(name).optional(),
  attr: z.record(z.string(), z.unknown()).optional(),
});
export type GraphNode = z.infer<typeof graphNode>;

const signatureEntry = z.object({ name, dtype: z.unknown().optional(), tensorShape: z.unknown().optional() });
const signature = z.object({
  inputs: z.record(z.string(), signatureEntry).optional(),
  outputs: z.record(z.string(), signatureEntry).optional(),
});
export type Signature = z.infer<typeof signature>;

const graphTopology = z.object({
  node: z.array(graphNode).max(200_000),
  library: z.object({ function: z.array(z.unknown()).optional() }).nullish(),
});

/** A layer, or a model that is used as a layer. Its configuration is checked when it is converted. */
export interface LayerConfig {
  readonly class_name: string;
  readonly config: unknown;
  readonly name?: string | undefined;
  readonly inbound_nodes?: unknown;
}

export const layerConfig: z.ZodType<LayerConfig> = z.object({
  class_name: z.string().min(1).max(200),
  config: z.unknown(),
  name: z.string().optional(),
  inbound_nodes: z.unknown().optional(),
});

const file = z.object({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z.array(weightGroup),
  signature: signature.nullish(),
  userDefinedMetadata: z.object({ signature: signature.nullish() }).nullish(),
  modelInitializer: z.unknown().optional(),
});

/** The parts of model.json that affect the computation. */
export type TfjsModel = {
  readonly weightGroups: readonly WeightGroup[];
} & (
  | { readonly format: 'graph'; readonly nodes: readonly GraphNode[]; readonly signature: Signature }
  | { readonly format: 'layers'; readonly model: LayerConfig }
);

/** Returns whether a parsed file looks like model.json, to tell it from other JSON files of an archive. */
export function isModelJson(json: unknown): boolean {
  return typeof json === 'object' && json !== null && 'modelTopology' in json && 'weightsManifest' in json;
}

/**
 * Checks the structure of model.json.
 * @throws {ModelRejectedError} NOT_ONNX: a part is missing or has the wrong type; the message names it
 */
export function parseModelJson(json: unknown): TfjsModel {
  if (!isModelJson(json)) {
    throw incomplete(
      'the JSON file is not a TensorFlow.js model: it has no modelTopology or weightsManifest',
    );
  }
  const parsed = check(file, json, 'model.json');
  const { modelTopology: topology, weightsManifest: weightGroups } = parsed;
  if ('node' in topology) {
    const { node: nodes } = check(graphTopology, topology, 'modelTopology');
    const found = parsed.signature ?? parsed.userDefinedMetadata?.signature ?? {};
    return { format: 'graph', nodes, signature: found, weightGroups };
  }
  const model = check(layerConfig, topology.model_config ?? topology, 'modelTopology');
  return { format: 'layers', model, weightGroups };
}

/**
 * Checks a value and returns its typed form.
 * @throws {ModelRejectedError} NOT_ONNX: the message names the first wrong part
 */
export function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = [what, ...(issue?.path ?? [])].map(String).join('.');
  throw incomplete(`${path.slice(0, 200)} is invalid: ${issue?.message ?? 'it has the wrong type'}`);
}
