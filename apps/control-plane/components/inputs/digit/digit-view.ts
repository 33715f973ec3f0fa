import type { DeploymentView, TensorSpec } from '@sparewheel/protocol';

export interface Classification {
  readonly digit: number;
  /** By digit, summing to 1. */
  readonly probabilities: readonly number[];
}

/** Returns the 28 × 28 image input of a deployment; null if it takes something else. */
export function digitInput(deployment: Pick<DeploymentView, 'inputs'> | null): TensorSpec | null {
  const [input, ...more] = deployment?.inputs ?? [];
  if (!input || more.length > 0 || input.type !== 'float32' || input.dims.length !== 4) return null;
  const [batch, channels, height, width] = input.dims;
  return (batch === 1 || batch === -1) && channels === 1 && height === 28 && width === 28 ? input : null;
}

/**
 * Reads ten class scores. Converts logits with a softmax; keeps probabilities.
 * @throws {TypeError} the output is not ten finite numbers
 */
export function readClassification(scores: readonly number[]): Classification {
  if (scores.length !== 10 || !scores.every(Number.isFinite)) {
    throw new TypeError(
      `This model returns ${scores.length} values, but a digit needs ten class scores. Select a digit classifier.`,
    );
  }
  const probabilities = isDistribution(scores) ? [...scores] : softmax(scores);
  return {
    digit: probabilities.indexOf(Math.max(...probabilities)),
    probabilities,
  };
}

function isDistribution(scores: readonly number[]): boolean {
  const sum = scores.reduce((total, score) => total + score, 0);
  return scores.every((score) => score >= 0) && Math.abs(sum - 1) < 1e-3;
}

/** Converts logits to probabilities. */
export function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
