import { invalid } from './errors.ts';

/**
 * Returns the names that the outputs need, each after the names that it reads. Needs no recursion, so that a
 * deep graph does not overflow the stack.
 * @param readsOf  returns what a name reads; throws if the name does not exist
 * @throws {ModelRejectedError} INVALID_GRAPH: the graph has a cycle
 */
export function evaluationOrder(
  outputs: readonly string[],
  readsOf: (name: string, reader: string | undefined) => readonly string[],
): string[] {
  const order: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const stack: { name: string; reader: string | undefined }[] = [];
  for (const name of outputs.toReversed()) stack.push({ name, reader: undefined });
  while (stack.length > 0) {
    const { name, reader } = stack.at(-1)!;
    if (state.has(name)) {
      stack.pop();
      if (state.get(name) === 'open') order.push(name);
      state.set(name, 'done');
      continue;
    }
    state.set(name, 'open');
    for (const source of readsOf(name, reader).toReversed()) {
      if (state.get(source) === 'open') throw invalid(`the graph has a cycle at "${source}"`);
      if (state.get(source) !== 'done') stack.push({ name: source, reader: name });
    }
  }
  return order;
}
