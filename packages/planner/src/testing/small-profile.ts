import type { LayerProfile, ModelProfile } from '../profile.ts';

/** A node of a made-up network: reads and computes values by name; `rows` makes it a layer that can be coded. */
export interface SmallLayer {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly rows?: number;
  readonly notCodable?: string;
  readonly multiplyAdds?: number;
  readonly timeMs?: number;
}

/** A profile for planning, without a model behind it. Every value is [1, 8] float32 if it has no type of its own. */
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
