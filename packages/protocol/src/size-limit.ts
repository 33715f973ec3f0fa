/** The largest sizes that free dimensions may have together. */

/** How the tensors of a model grow with its free dimensions, and how large they may become. */
export interface SizeLimit {
  /** Names of free dimensions. Those of one group can only grow together. */
  readonly groups: readonly (readonly string[])[];
  /** The tensors that grow, the largest of those that grow in the same way. */
  readonly tensors: readonly GrowingTensor[];
  /** The most bytes that a tensor may have. */
  readonly mostBytes: number;
}

export interface GrowingTensor {
  /** At the usual sizes. */
  readonly bytes: number;
  /** By group: the bytes grow by this power of the size. */
  readonly powers: readonly number[];
}

/**
 * Predicts the bytes of the largest tensor.
 * @param growth  by group: the size divided by the usual size
 */
export function largestTensorBytes(
  { tensors }: Pick<SizeLimit, 'tensors'>,
  growth: readonly number[],
): number {
  const bytesOf = ({ bytes, powers }: GrowingTensor) =>
    powers.reduce((product, power, group) => product * growth[group]! ** power, bytes);
  return Math.max(0, ...tensors.map(bytesOf));
}
