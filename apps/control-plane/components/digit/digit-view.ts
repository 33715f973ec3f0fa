import type { DeploymentView, TensorSpec } from '@sparewheel/protocol';

/** Returns what a kill does to the digit that is being drawn. */
export function killHint({ state, objective, planned, strategy }: DeploymentView): string {
  if (state !== 'ready' && state !== 'degraded') return 'No digit is classified until enough devices answer.';
  if (objective === 'latency') return 'Kill a device while you draw: the result stays the same.';
  if (planned.r === 0 || strategy === 'uncoded')
    return 'Kill a device while you draw: the digit waits for its seat.';
  const devices = planned.r === 1 ? 'one device' : `up to ${planned.r} devices`;
  return `Kill ${devices} while you draw: the result stays the same.`;
}

/** The JSON body of an Open Inference Protocol v2 request with one float32 input. */
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

/** The part of the data plane's response that the canvas uses. */
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
  /** Shards of this answer that were decoded from parity, and shards that the data plane computed. */
  readonly recovered: number;
  readonly rescued: number;
}

/** Returns the 28 × 28 image input of a deployment; null if it takes something else. */
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
 * Reads ten class scores. Converts logits with a softmax; keeps probabilities.
 * @throws {TypeError} the first output is not ten finite numbers
 */
export function readClassification(response: InferResponse): Classification {
  const scores = response.outputs[0]?.data ?? [];
  if (scores.length !== 10 || !scores.every(Number.isFinite)) {
    throw new TypeError(
      `This model returns ${scores.length} values, but a digit needs ten class scores. Select a digit classifier.`,
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
