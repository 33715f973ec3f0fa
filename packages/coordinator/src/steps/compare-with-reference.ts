import { DEFAULT_ANSWER_TOLERANCE, encodeViews, type Generator } from '@sparewheel/cdc';

/**
 * The shards whose answer is not what the true data shards say it must be. Names a liar even where the spare
 * equations cannot (r = 1).
 * @param answers  by shard index in [0, k + r), undefined where absent; not mutated
 * @param truth    the k data shards' true outputs
 * @param tolerance  error of an honest answer relative to the largest value that went into it
 */
export function shardsUnlikeTruth(
  generator: Generator,
  answers: readonly (Float32Array | undefined)[],
  truth: readonly Float32Array[],
  tolerance = DEFAULT_ANSWER_TOLERANCE,
): number[] {
  const { dataShards: k, parity } = generator;
  const scales = truth.map(largestMagnitude);
  const unlike: number[] = [];
  let expectedParity: Float32Array | undefined;
  for (const [shard, answer] of answers.entries()) {
    if (!answer) continue;
    let expected = truth[shard];
    let scale = scales[shard] ?? 0;
    if (shard >= k) {
      expectedParity ??= new Float32Array(truth[0]!.length);
      expected = encodeViews(generator, shard - k, truth, expectedParity);
      for (let j = 0; j < k; j++) scale += Math.abs(parity[(shard - k) * k + j]!) * scales[j]!;
    }
    if (deviates(answer, expected!, tolerance * scale)) unlike.push(shard);
  }
  return unlike;
}

function deviates(answer: Float32Array, expected: Float32Array, allowed: number): boolean {
  if (answer.length !== expected.length) return true;
  for (let i = 0; i < answer.length; i++) {
    // Negated, so that NaN deviates.
    if (!(Math.abs(answer[i]! - expected[i]!) <= allowed)) return true;
  }
  return false;
}

function largestMagnitude(values: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  return largest;
}
