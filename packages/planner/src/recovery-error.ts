import { conditioning, generatorMatrix } from '@sparewheel/cdc';
import { PlanRefusedError } from './errors.ts';

/**
 * Recovery multiplies ONNX Runtime's rounding error, about 3.6e-7 of the largest output on a device, by at most the
 * amplification. Up to this one, recovered outputs keep the promised 1e-4 (docs/NUMERICS.md).
 */
const MAX_AMPLIFICATION = 250;

/** The largest r that was found exact enough, and the amplification of r + 1, by k. */
const checked = new Map<number, { readonly largest: number; readonly next: number }>();

/**
 * Refuses codes whose recovered outputs may differ from the undivided model's by more than 1e-4.
 * @throws {PlanRefusedError} too many parity shards for this k
 */
export function requireExactRecovery(k: number, r: number): void {
  let found = checked.get(k) ?? { largest: 0, next: 0 };
  // One row at a time: more rows only add erasure patterns, and the check of many rows takes seconds.
  while (found.largest < r && found.next <= MAX_AMPLIFICATION) {
    const { amplification } = conditioning(generatorMatrix(k, found.largest + 1), 100_000);
    const exact = amplification <= MAX_AMPLIFICATION;
    found = { largest: found.largest + (exact ? 1 : 0), next: exact ? 0 : amplification };
  }
  checked.set(k, found);
  if (r <= found.largest) return;
  throw new PlanRefusedError(
    'INEXACT_RECOVERY',
    `${found.largest + 1} failures among ${k} + ${r} shards cannot be recovered exactly enough: rounding errors would grow ${Math.round(found.next)} times`,
    `choose r ≤ ${found.largest} for k = ${k}, or several smaller groups`,
  );
}
