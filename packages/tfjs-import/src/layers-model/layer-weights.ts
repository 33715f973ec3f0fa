import { invalid } from '../errors.ts';
import type { Value } from '../tensors/value.ts';
import { weightValue } from '../tensors/weight-value.ts';
import type { Weight } from '../weights.ts';

/** Finds the weights of layers by their names. */
export class LayerWeights {
  /** Weights by "layer/weight". Keras also puts names of models and cells into the path. */
  private readonly shortened = new Map<string, Weight[]>();

  constructor(private readonly weights: ReadonlyMap<string, Weight>) {
    for (const weight of weights.values()) {
      const parts = weight.name.split('/');
      const last = parts.at(-1)!;
      const keys = new Set([`${parts.at(-2)}/${last}`, `${parts.at(-3)}/${last}`]);
      for (const key of keys) this.shortened.set(key, [...(this.shortened.get(key) ?? []), weight]);
    }
  }

  /** @throws {ModelRejectedError} INVALID_GRAPH: no weight, or more than one, has this name */
  find(layer: string, name: string): Value {
    const full = `${layer}/${name}`;
    const exact = this.weights.get(full);
    if (exact) return weightValue(exact);
    const candidates = this.shortened.get(full) ?? [];
    if (candidates.length === 1) return weightValue(candidates[0]!);
    throw invalid(
      `the layer "${layer}" needs the weight "${full}", which the model has ${candidates.length} times`,
    );
  }
}
