import type { DeploymentView, TensorSpec } from '@sparewheel/protocol';

/** The body of an Open Inference Protocol v2 request with one float32 input, JSON form. */
export interface DigitRequest {
  readonly inputs: readonly [
    {
      readonly name: string;
      readonly shape: readonly number[];
      readonly datatype: 'FP32';
      readonly data: number[];
    },
  ];
}

/** What the data plane answers, as far as the canvas needs it. */
export interface InferResponse {
  readonly outputs: readonly { readonly name: string; readonly data: readonly number[] }[];
  readonly parameters?: {
    readonly recovered?: number;
    readonly rescued?: number;
    readonly latency_ms?: number;
  };
}

export interface Classification {
  readonly digit: number;
  /** By digit, summing to 1. */
  readonly probabilities: readonly number[];
  readonly latencyMs: number | null;
  /** Shards of this very answer that were decoded from parity, and computed by the data plane. */
  readonly recovered: number;
  readonly rescued: number;
}

/** The 28 × 28 image input of a deployment, where it is one to draw for; null otherwise. */
export function digitInput(deployment: DeploymentView | null): TensorSpec | null {
  const [input, ...more] = deployment?.inputs ?? [];
  if (!input || more.length > 0 || input.type !== 'float32' || input.dims.length !== 4) return null;
  const [batch, channels, height, width] = input.dims;
  return (batch === 1 || batch === -1) && channels === 1 && height === 28 && width === 28 ? input : null;
}

export function digitRequest(input: TensorSpec, pixels: Float32Array): DigitRequest {
  return {
    inputs: [
      {
        name: input.name,
        shape: input.dims.map((dim) => (dim === -1 ? 1 : dim)),
        datatype: 'FP32',
        data: Array.from(pixels),
      },
    ],
  };
}

/**
 * Reads ten class scores, normalising logits with a softmax; scores that are probabilities already stay as they are.
 * @throws {TypeError} the first output is not ten finite numbers
 */
export function readClassification(response: InferResponse): Classification {
  const scores = response.outputs[0]?.data ?? [];
  if (scores.length !== 10 || !scores.every(Number.isFinite)) {
    throw new TypeError(
      `This model answers ${scores.length} values; a digit needs ten class scores. Draw for a digit classifier.`,
    );
  }
  const probabilities = isDistribution(scores) ? [...scores] : softmax(scores);
  return {
    digit: probabilities.indexOf(Math.max(...probabilities)),
    probabilities,
    latencyMs: response.parameters?.latency_ms ?? null,
    recovered: response.parameters?.recovered ?? 0,
    rescued: response.parameters?.rescued ?? 0,
  };
}

function isDistribution(scores: readonly number[]): boolean {
  const sum = scores.reduce((total, score) => total + score, 0);
  return scores.every((score) => score >= 0) && Math.abs(sum - 1) < 1e-3;
}

function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
