/** Returns the median. @throws {RangeError} the list is empty */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** Returns the p-th percentile, 0 ≤ p ≤ 100, interpolated. @throws {RangeError} the list is empty */
export function percentile(values: readonly number[], p: number): number {
  if (values.length === 0) throw new RangeError('cannot take a percentile of an empty list');
  const sorted = [...values].sort((a, b) => a - b);
  const position = ((sorted.length - 1) * p) / 100;
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
}

/**
 * Times several functions in alternating turns in one process, so that other load on the machine affects all
 * of them. Discards the first `warmups` turns.
 * @returns by function, the mean milliseconds per call of each turn
 */
export async function interleaved<Name extends string>(
  functions: Record<Name, () => unknown>,
  options: { turns: number; warmups?: number; callsPerTurn?: number },
): Promise<Record<Name, number[]>> {
  const { turns, warmups = 3, callsPerTurn = 1 } = options;
  const names = Object.keys(functions) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let turn = -warmups; turn < turns; turn++) {
    for (const name of names) {
      const start = performance.now();
      for (let call = 0; call < callsPerTurn; call++) {
        const pending = functions[name]();
        if (pending instanceof Promise) await pending;
      }
      const elapsed = (performance.now() - start) / callsPerTurn;
      if (turn >= 0) times[name].push(elapsed);
    }
  }
  return times;
}
