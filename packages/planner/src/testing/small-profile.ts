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
}

/**
 * Builds a profile without a model. Every value has shape [1, 8].
 * @param types  by value; the default is float32
 */
export function smallProfile(
  layers: readonly SmallLayer[],
  inputs: readonly string[],
  outputs: readonly string[],
  types: Readonly<Record<string, string>> = {},
): ModelProfile {
  const names = [...inputs, ...layers.flatMap((layer) => layer.outputs)];
  const spec = (name: string) => ({ name, type: 'float32', dims: [1, 8] }) as const;
  return {
    version: 1,
    model: { name: 'small', sha256: '0'.repeat(64) },
    inputs: inputs.map(spec),
    outputs: outputs.map(spec),
    tensors: Object.fromEntries(
      names.map((name) => [name, { type: types[name] ?? 'float32', dims: [1, 8] }]),
    ),
    layers: layers.map(
      (layer, node): LayerProfile => ({
        node,
        name: layer.name,
        op: layer.rows || layer.notCodable ? 'Gemm' : 'Relu',
        inputs: layer.inputs,
        outputs: layer.outputs,
        outputDims: [1, 8],
        parameters: 0,
        weightsBytes: 0,
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
              bytesPerRow: 36,
              align: 1,
            }
          : null,
      }),
    ),
    parameters: 0,
    weightsBytes: 0,
    multiplyAdds: 0,
  };
}
