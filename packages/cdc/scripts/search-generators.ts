/**
 * Searches for better generators and writes them to src/generator-table.ts:
 *
 *     npx tsx packages/cdc/scripts/search-generators.ts [effort] [smallest k] [largest k] [smallest r] [largest r]
 *
 * For each k ≤ 32 and 2 ≤ r ≤ 4 the first row is all ones. The others are integers over 1024: exact in
 * float32 and short to write. Hill climbing minimizes the worst amplification over all erasure patterns. It
 * starts from the current entry, from the entry of k − 1 with one more column, and from random rows. The
 * search is seeded: the same table and arguments give the same result.
 */
import { writeFileSync } from 'node:fs';
import { amplifier, conditioning } from '../src/conditioning.ts';
import { type Generator, vandermondeGenerator } from '../src/generator.ts';
import { GENERATOR_TABLE, TABLE_DENOMINATOR } from '../src/generator-table.ts';
import { combinations } from '../src/small-matrix.ts';
import { seededRandom } from '../src/testing/random.ts';

const [effort = 1, smallestK = 1, largestK = 32, smallestR = 2, largestR = 4] = process.argv
  .slice(2)
  .map(Number);
const DENOMINATOR = TABLE_DENOMINATOR;
const table: Record<string, string> = { ...GENERATOR_TABLE };

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
 * Returns the worst amplification, or stops early with a value above `best`. It checks the patterns in `hot`,
 * which were bad before, first: they reject most candidates quickly.
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
  const hot: Pattern[] = [];
  const round = (value: number) => Math.round(Math.max(-1, Math.min(1, value)) * DENOMINATOR) / DENOMINATOR;
  const generatorOf = (parity: Float64Array): Generator => ({
    dataShards: k,
    parityShards: r,
    parity: parity.map(round),
  });
  /** Returns the best of many random generators. Keeps the columns of `fixed`. */
  const sample = (tries: number, fixed?: Generator): Generator => {
    let best = generatorOf(vandermondeGenerator(k, r).parity);
    let bestWorst = Number.POSITIVE_INFINITY;
    for (let i = 0; i < tries; i++) {
      const parity = new Float64Array(r * k).map((_, at) => (at < k ? 1 : 2 * random() - 1));
      if (fixed) {
        for (let row = 0; row < r; row++) {
          parity.set(fixed.parity.subarray(row * (k - 1), (row + 1) * (k - 1)), row * k);
        }
      }
      const candidate = generatorOf(parity);
      const amplification = worstOf(candidate, patterns, hot, bestWorst);
      if (amplification < bestWorst) [best, bestWorst] = [candidate, amplification];
    }
    return best;
  };

  const known = fromTable(k, r);
  const smaller = fromTable(k - 1, r);
  const starts = known ? [known] : [];
  if (smaller) starts.push(sample(300, smaller));
  // For large codes, random rows never beat a good smaller code with one more column.
  for (let i = 0; i < (k <= 12 ? 5 : starts.length === 0 ? 1 : 0); i++) starts.push(sample(300));

  // Bounds the pattern evaluations of one climb: large codes get fewer steps.
  const steps = Math.ceil(effort * Math.min(60_000, Math.max(3_000, 4e8 / patterns.length)));
  let best = starts[0]!;
  let bestWorst = worstOf(best, patterns, hot, Number.POSITIVE_INFINITY);
  for (const start of starts) {
    let current = start;
    let worst = worstOf(start, patterns, hot, Number.POSITIVE_INFINITY);
    let size = 0.3;
    for (let step = 0; step < steps; step++) {
      const parity = current.parity.slice();
      const changes = random() < 0.6 ? 1 : random() < 0.6 ? 2 : (r - 1) * k;
      for (let c = 0; c < changes; c++) {
        const at = changes <= 2 ? k + Math.floor(random() * (r - 1) * k) : k + c;
        parity[at]! += (size * (random() + random() + random() - 1.5)) / Math.sqrt(changes);
      }
      const candidate = generatorOf(parity);
      const amplification = worstOf(candidate, patterns, hot, worst);
      // About one step in ten succeeds, so failures shrink the step size slowly.
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

function fromTable(k: number, r: number): Generator | undefined {
  const entry = table[`${k},${r}`];
  if (!entry) return undefined;
  const numerators = entry.split(' ').map(Number);
  const parity = Float64Array.from(
    [...new Array<number>(k).fill(DENOMINATOR), ...numerators],
    (n) => n / DENOMINATOR,
  );
  return { dataShards: k, parityShards: r, parity };
}

function writeTable(): void {
  const order = ([a]: [string, string], [b]: [string, string]) => {
    const [ka, ra] = a.split(',').map(Number);
    const [kb, rb] = b.split(',').map(Number);
    return ra! - rb! || ka! - kb!;
  };
  const lines = Object.entries(table)
    .sort(order)
    .map(([key, value]) => `  '${key}': '${value}',`);
  writeFileSync(
    new URL('../src/generator-table.ts', import.meta.url),
    `/**
 * Generated by scripts/search-generators.ts; do not edit. Parity rows of the generator for "k,r", row by row, as
 * numerators over TABLE_DENOMINATOR. The first row is omitted: it is all ones.
 */
export const TABLE_DENOMINATOR = ${DENOMINATOR};

export const GENERATOR_TABLE: Readonly<Record<string, string>> = {
${lines.join('\n')}
};
`,
  );
}

for (let r = smallestR; r <= largestR; r++) {
  for (let k = smallestK; k <= largestK; k++) {
    const generator = search(k, r);
    const { amplification } = conditioning(generator);
    table[`${k},${r}`] = [...generator.parity.subarray(k)].map((value) => value * DENOMINATOR).join(' ');
    writeTable();
    console.log(`k ${k} r ${r} amplification ${amplification.toFixed(2)}`);
  }
}
