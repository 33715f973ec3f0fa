/**
 * Searches the generator table: `npx tsx packages/cdc/scripts/search-generators.ts [effort]` writes
 * src/generator-table.ts. Seeded and repeatable; about a quarter of an hour on one core at effort 1.
 *
 * For each k ≤ 32 and r ≤ 4 the first row is ones and the others are whole numbers over 1024, found by random
 * starts and hill climbing on the worst amplification over all erasure patterns. Whole numbers over a power of two
 * are exact in float32 and short to write down.
 */
import { writeFileSync } from 'node:fs';
import { amplifier, conditioning } from '../src/conditioning.ts';
import { type Generator, vandermondeGenerator } from '../src/generator.ts';
import { combinations } from '../src/small-matrix.ts';
import { seededRandom } from '../src/testing/random.ts';

const LARGEST_K = 32;
const LARGEST_R = 4;
const DENOMINATOR = 1024;
const effort = Number(process.argv[2] ?? 1);

interface Pattern {
  readonly missing: readonly number[];
  readonly parities: readonly number[];
}

function patternsOf(k: number, r: number): Pattern[] {
  const data = Array.from({ length: k }, (_, i) => i);
  const rows = Array.from({ length: r }, (_, i) => i);
  const patterns: Pattern[] = [];
  for (let size = 1; size <= Math.min(k, r); size++) {
    const rowSets = [...combinations(rows, size)];
    for (const missing of combinations(data, size)) {
      for (const parities of rowSets) patterns.push({ missing, parities });
    }
  }
  return patterns;
}

/**
 * Worst amplification; gives up as soon as it exceeds `best`. Patterns that were bad before are looked at first,
 * which refutes most candidates after a handful of patterns.
 */
function worstOf(generator: Generator, patterns: readonly Pattern[], hot: Pattern[], best: number): number {
  const amplify = amplifier(generator);
  let worst = 0;
  for (const { missing, parities } of hot) {
    worst = Math.max(worst, amplify(missing, parities));
    if (worst > best) return worst;
  }
  for (const pattern of patterns) {
    const amplification = amplify(pattern.missing, pattern.parities);
    if (amplification > worst) {
      worst = amplification;
      if (worst > best) {
        hot.unshift(pattern);
        if (hot.length > 200) hot.pop();
        return worst;
      }
    }
  }
  return worst;
}

function search(k: number, r: number): Generator {
  const random = seededRandom(1_000_003 * r + k);
  const patterns = patternsOf(k, r);
  const round = (value: number) => Math.round(Math.max(-1, Math.min(1, value)) * DENOMINATOR) / DENOMINATOR;
  const quantised = (parity: Float64Array): Generator => ({
    dataShards: k,
    parityShards: r,
    parity: parity.map(round),
  });

  let best = quantised(vandermondeGenerator(k, r).parity);
  const hot: Pattern[] = [];
  let bestWorst = worstOf(best, patterns, hot, Number.POSITIVE_INFINITY);

  // The work of one climb is bounded by pattern evaluations, so that large codes get fewer, costlier steps.
  const steps = Math.ceil(effort * Math.min(60_000, Math.max(3_000, 4e8 / patterns.length)));
  const starts = k <= 12 ? 6 : 3;
  for (let start = 0; start < starts; start++) {
    let current = best;
    let worst = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < (start === 0 ? 0 : 300); tries++) {
      const parity = new Float64Array(r * k);
      for (let i = 0; i < r * k; i++) parity[i] = i < k ? 1 : 2 * random() - 1;
      const candidate = quantised(parity);
      const amplification = worstOf(candidate, patterns, hot, worst);
      if (amplification < worst) [current, worst] = [candidate, amplification];
    }
    if (start === 0) worst = bestWorst;
    let size = 0.3;
    for (let step = 0; step < steps; step++) {
      const parity = current.parity.slice();
      const changes = random() < 0.6 ? 1 : random() < 0.6 ? 2 : (r - 1) * k;
      for (let c = 0; c < changes; c++) {
        const at = changes <= 2 ? k + Math.floor(random() * (r - 1) * k) : k + c;
        parity[at]! += (size * (random() + random() + random() - 1.5)) / Math.sqrt(changes);
      }
      const candidate = quantised(parity);
      const amplification = worstOf(candidate, patterns, hot, worst);
      // Steps grow on success and shrink slowly on failure: about one in ten succeeds.
      if (amplification < worst) {
        [current, worst] = [candidate, amplification];
        size = Math.min(0.5, size * 1.3);
      } else {
        size = Math.max(2 / DENOMINATOR, size * 0.985);
        if (size <= 2 / DENOMINATOR && step % 200 === 0) size = 0.1;
      }
    }
    if (worst < bestWorst) [best, bestWorst] = [current, worst];
  }
  return best;
}

const lines: string[] = [];
for (let r = 2; r <= LARGEST_R; r++) {
  for (let k = 1; k <= LARGEST_K; k++) {
    const generator = search(k, r);
    const { amplification } = conditioning(generator);
    const numerators = [...generator.parity.subarray(k)].map((value) => value * DENOMINATOR);
    lines.push(`  '${k},${r}': '${numerators.join(' ')}',`);
    console.error(`k ${k} r ${r} amplification ${amplification.toFixed(2)}`);
  }
}
writeFileSync(
  new URL('../src/generator-table.ts', import.meta.url),
  `/**
 * Written by scripts/search-generators.ts; do not edit. The parity rows after the first (which is ones) of the
 * generator for "k,r", row by row, as whole numbers over TABLE_DENOMINATOR.
 */
export const TABLE_DENOMINATOR = ${DENOMINATOR};

export const GENERATOR_TABLE: Readonly<Record<string, string>> = {
${lines.join('\n')}
};
`,
);
