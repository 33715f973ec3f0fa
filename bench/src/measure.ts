/** Median of a list that is not empty. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The p-th percentile, 0 ≤ p ≤ 100, interpolated between neighbours. */
export function percentile(values: readonly number[], p: number): number {
  if (values.length === 0) throw new RangeError('a percentile of no values');
  const sorted = [...values].sort((a, b) => a - b);
  const position = ((sorted.length - 1) * p) / 100;
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
}

/**
 * Times several ways to do something, turn by turn in one process, so that whatever else the machine does falls
 * on all of them alike. Each call of a way runs it once; the first `warmups` turns are thrown away.
 * @returns milliseconds per call, one list per way
 */
export async function interleaved<Name extends string>(
  ways: Record<Name, () => unknown>,
  options: { turns: number; warmups?: number; callsPerTurn?: number },
): Promise<Record<Name, number[]>> {
  const { turns, warmups = 3, callsPerTurn = 1 } = options;
  const names = Object.keys(ways) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let turn = -warmups; turn < turns; turn++) {
    for (const name of names) {
      const start = performance.now();
      for (let call = 0; call < callsPerTurn; call++) {
        const pending = ways[name]();
        if (pending instanceof Promise) await pending;
      }
      const elapsed = (performance.now() - start) / callsPerTurn;
      if (turn >= 0) times[name].push(elapsed);
    }
  }
  return times;
}
