/**
 * Softmax cross-entropy of a batch, averaged.
 * @param logits    [count, classes]; not mutated
 * @param gradient  [count, classes]; overwritten with the loss's gradient by the logits
 * @returns the mean loss in nats
 */
export function crossEntropy(
  logits: Float64Array,
  labels: Uint8Array,
  gradient: Float64Array,
  count: number,
  classes: number,
): number {
  let loss = 0;
  for (let sample = 0; sample < count; sample++) {
    const start = sample * classes;
    let highest = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + classes; i++) highest = Math.max(highest, logits[i]!);
    let sum = 0;
    for (let i = start; i < start + classes; i++) {
      const power = Math.exp(logits[i]! - highest);
      gradient[i] = power;
      sum += power;
    }
    const right = start + labels[sample]!;
    for (let i = start; i < start + classes; i++) gradient[i] = gradient[i]! / (sum * count);
    loss -= Math.log(Math.max(gradient[right]! * count, Number.MIN_VALUE));
    gradient[right] = gradient[right]! - 1 / count;
  }
  return loss / count;
}
