import { type Costs, localMs, tensorBytes } from '../costs/costs.ts';
import { PlanRefusedError } from '../errors.ts';
import { addFeedsAndFetches, type StepDraft } from '../layers/order-steps.ts';
import { isSendable, type ModelProfile } from '../profile.ts';

/**
 * Cuts a model into `count` consecutive stages, each a range of nodes, and minimizes the time of the slowest
 * stage: the computing plus the transfer of its inputs. Cuts only where all crossing values can be sent.
 * @throws {PlanRefusedError} TOO_FEW_STAGES  the model has too few positions to cut
 */
export function cutIntoStages(profile: ModelProfile, count: number, costs: Costs): StepDraft[] {
  const { layers } = profile;
  const crossing = crossingBytes(profile);
  const starts = layers
    .map(({ node }) => node)
    .filter((node) => node === 0 || Number.isFinite(crossing[node]!));
  if (starts.length < count) {
    throw new PlanRefusedError(
      'TOO_FEW_STAGES',
      `the model can be cut into at most ${starts.length} stages, but k is ${count}`,
      `choose k ≤ ${starts.length}`,
    );
  }
  const before = [0];
  for (const layer of layers) before.push(before.at(-1)! + localMs(profile, layer, costs));
  const stageMs = (from: number, to: number) =>
    before[to]! - before[from]! + crossing[from]! / costs.bytesPerMs;

  // Bisection for the smallest time limit under which `count` stages suffice.
  let low = 0;
  let high = before.at(-1)! + Math.max(...starts.map((node) => crossing[node]!)) / costs.bytesPerMs;
  let best = cut(starts, layers.length, count, high, stageMs)!;
  for (let round = 0; round < 40; round++) {
    const limit = (low + high) / 2;
    const found = cut(starts, layers.length, count, limit, stageMs);
    if (found) {
      best = found;
      high = limit;
    } else {
      low = limit;
    }
  }
  const ranges = best.map((start, stage) => ({
    kind: 'subgraph' as const,
    nodes: layers.slice(start, best[stage + 1] ?? layers.length).map(({ node }) => node),
  }));
  return addFeedsAndFetches(profile, ranges);
}

/** Returns by node the bytes that cross a cut just before it; Infinity if a crossing value cannot be sent. */
function crossingBytes(profile: ModelProfile): number[] {
  const { layers } = profile;
  const lastUse = new Map<string, number>();
  for (const { node, inputs } of layers) for (const name of inputs) lastUse.set(name, node);
  const change = new Array<number>(layers.length + 1).fill(0);
  const unsendableChange = new Array<number>(layers.length + 1).fill(0);
  const made = layers.flatMap(({ node, outputs }) => outputs.map((name) => [name, node] as const));
  for (const [name, node] of made) {
    const last = lastUse.get(name);
    if (last === undefined) continue;
    const counts = isSendable(profile, name) ? change : unsendableChange;
    const bytes = isSendable(profile, name) ? tensorBytes(profile, name) : 1;
    counts[node + 1]! += bytes;
    counts[last + 1]! -= bytes;
  }
  let bytes = 0;
  let unsendable = 0;
  return layers.map((_, node) => {
    bytes += change[node]!;
    unsendable += unsendableChange[node]!;
    return unsendable > 0 ? Number.POSITIVE_INFINITY : bytes;
  });
}

/**
 * Returns exactly `count` stage starts with every stage under the limit, or undefined. Fills stages greedily.
 */
function cut(
  starts: readonly number[],
  end: number,
  count: number,
  limit: number,
  stageMs: (from: number, to: number) => number,
): number[] | undefined {
  const chosen: number[] = [];
  let at = 0;
  while (at < starts.length) {
    if (chosen.length === count) return undefined;
    const from = starts[at]!;
    chosen.push(from);
    // Leaves enough starts for the remaining stages.
    const last = starts.length - (count - chosen.length);
    let next = at + 1;
    while (next < last && stageMs(from, starts[next + 1] ?? end) <= limit) next++;
    if (stageMs(from, starts[next] ?? end) > limit) return undefined;
    at = next;
  }
  return chosen.length === count ? chosen : undefined;
}
