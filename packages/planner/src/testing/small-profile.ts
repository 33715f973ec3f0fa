import type { LayerProfile, ModelProfile } from '../profile.ts';

/** A node of a synthetic network. A node with `rows` is a layer that can be coded. */
export interface SmallLayer {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly rows?: number;
  readonly notCodable?: string;
  readonly multiplyAdds?: number;
  readonly timeMs?: number;
  /** The default is Gemm for linear layers and Relu for others. */
  readonly op?: string;
  /** The default is 36 bytes per row. */
  readonly weightsBytes?: number;
}

/**
 * Builds a profile without a model. Every value has shape [1, 8].
 * @param types  by value; the default is float32
 * @param widths  by value, to replace the 8 in its shape
 */
export function smallProfile(
  layers: readonly SmallLayer[],
  inputs: readonly string[],
  outputs: readonly string[],
  types: Readonly<Record<string, string>> = {},
  widths: Readonly<Record<string, number>> = {},
): ModelProfile {
  const names = [...inputs, ...layers.flatMap((layer) => layer.outputs)];
  const dims = (name: string) => [1, widths[name] ?? 8];
  const spec = (name: string) => ({ name, type: 'float32', dims: dims(name) }) as const;
  const bytesOf = ({ rows = 0, weightsBytes }: SmallLayer) => weightsBytes ?? 36 * rows;
  return {
    version: 1,
    model: { name: 'small', sha256: '0'.repeat(64) },
    inputs: inputs.map(spec),
    outputs: outputs.map(spec),
    tensors: Object.fromEntries(
      names.map((name) => [name, { type: types[name] ?? 'float32', dims: dims(name) }]),
    ),
    layers: layers.map(
      (layer, node): LayerProfile => ({
        node,
        name: layer.name,
        op: layer.op ?? (layer.rows || layer.notCodable ? 'Gemm' : 'Relu'),
        inputs: layer.inputs,
        outputs: layer.outputs,
        outputDims: dims(layer.outputs[0]!),
        parameters: 0,
        weightsBytes: bytesOf(layer),
        multiplyAdds: layer.multiplyAdds ?? 0,
        timeMs: layer.timeMs ?? null,
        notCodable: layer.notCodable ?? null,
        coding: layer.rows
          ? {
              op: 'Gemm',
              feed: layer.inputs[0]!,
              fetch: layer.outputs[0]!,
              rows: layer.rows,
              groups: 1,
              axis: 1,
              bytesPerRow: bytesOf(layer) / layer.rows,
              align: 1,
            }
          : null,
      }),
    ),
    parameters: 0,
    weightsBytes: layers.reduce((sum, layer) => sum + bytesOf(layer), 0),
    multiplyAdds: 0,
  };
}
