import { createDecoder, encodeViews, type Generator, generatorMatrix, verify } from '@sparewheel/cdc';
import { createDirectEngine, type Engine } from '@sparewheel/engine';
import { tinyModel } from '@sparewheel/engine/testing';
import type { Benchmark } from './benchmark.ts';
import { seededWeights } from './seeded-weights.ts';

const SEED = 11;
const INNER = 512;
const COLUMNS = 32;
const CORRECT_GATHERS = 100_000;
const CORRUPTIONS = 1_000;
/** Allowed error of a correct answer, relative to its largest value; see docs/LIMITS.md. */
const TOLERANCE = 2 ** -16;

const cases = [
  { k: 2, r: 1 },
  { k: 4, r: 1 },
  { k: 12, r: 1 },
  { k: 4, r: 2 },
  { k: 12, r: 3 },
];

/** Counts corrupt shards that the parity check misses, and false alarms. ONNX Runtime computes the shards. */
export const corruption: Benchmark = {
  name: 'corruption',
  summary: 'corrupt values that the parity check misses, and false alarms in correct answers',
  async run({ log }) {
    const engine = await createDirectEngine();
    try {
      const rows: Row[] = [];
      for (const { k, r } of cases) {
        const row = await measure(engine, k, r);
        log(
          `k=${k} r=${r}: ${row.falseAlarms} false alarms in ${row.gathers}, ${row.detected} of ${row.corruptions} corruptions detected` +
            (r > 1 ? `, ${row.located} located` : ''),
        );
        rows.push(row);
      }
      const sum = (of: (row: (typeof rows)[number]) => number) =>
        rows.reduce((total, row) => total + of(row), 0);
      const missed = sum(({ corruptions, detected }) => corruptions - detected);
      const falseAlarms = sum((row) => row.falseAlarms);
      return {
        name: 'corruption',
        value: missed + falseAlarms,
        unit: `errors: missed of ${sum(({ corruptions }) => corruptions)} corruptions, plus false alarms in ${sum(({ gathers }) => gathers)} correct gathers`,
        goal: '0',
        met: missed + falseAlarms === 0,
        details: {
          seed: SEED,
          layer: `${INNER} → ${COLUMNS} per shard`,
          tolerance: TOLERANCE,
          missed,
          falseAlarms,
          cases: rows,
        },
      };
    } finally {
      await engine.close();
    }
  },
};

interface Row {
  readonly k: number;
  readonly r: number;
  readonly gathers: number;
  readonly falseAlarms: number;
  readonly largestResidual: number;
  readonly corruptions: number;
  readonly detected: number;
  /** Corruptions for which the faulty shard was identified. */
  readonly located: number;
}

async function measure(engine: Engine, k: number, r: number): Promise<Row> {
  const generator = generatorMatrix(k, r);
  const data = Array.from({ length: k }, (_, shard) => seededWeights(INNER * COLUMNS, SEED + shard));
  const parity = Array.from({ length: r }, (_, i) =>
    encodeViews(generator, i, data, new Float32Array(INNER * COLUMNS)),
  );
  const keys = await Promise.all(
    [...data, ...parity].map(async (weights, shard) => {
      const key = `${k}+${r} ${shard}`;
      const graph = tinyModel({ inner: INNER, columns: COLUMNS, weights });
      await engine.load(key, { kind: 'bytes', graph });
      return key;
    }),
  );
  const answersTo = async (seed: number): Promise<Float32Array[]> => {
    const x = { type: 'float32' as const, dims: [1, INNER], data: seededWeights(INNER, seed) };
    const answers: Float32Array[] = [];
    for (const key of keys) answers.push((await engine.run(key, { x })).fetches.y!.data as Float32Array);
    return answers;
  };
  requireCode(generator, await answersTo(SEED));

  const gathers = CORRECT_GATHERS / cases.length;
  const random = seededWeights(4 * CORRUPTIONS, SEED + k * 31 + r);
  const row = {
    k,
    r,
    gathers,
    falseAlarms: 0,
    largestResidual: 0,
    corruptions: CORRUPTIONS,
    detected: 0,
    located: 0,
  };
  for (let gather = 0; gather < gathers; gather++) {
    const answers = await answersTo(SEED + 7 * gather);
    const verification = verify(generator, answers);
    row.largestResidual = Math.max(row.largestResidual, verification.residual);
    if (!verification.consistent) row.falseAlarms++;
    const corruption = gather / (gathers / CORRUPTIONS);
    if (!Number.isInteger(corruption)) continue;
    const draw = (which: number) => Math.abs(random[4 * corruption + which]!);
    const faultyShard = Math.floor(draw(0) * (k + r));
    const at = Math.floor(draw(1) * COLUMNS);
    answers[faultyShard]![at]! +=
      smallestDetectableError(generator, answers, faultyShard) * (1.01 + draw(2)) * (draw(3) < 0.5 ? -1 : 1);
    const found = verify(generator, answers);
    if (!found.consistent) row.detected++;
    if (found.faultyShards?.length === 1 && found.faultyShards[0] === faultyShard) row.located++;
  }
  return row;
}

/** Checks that the answers belong to the code: a recovered shard must equal the computed one. */
function requireCode(generator: Generator, answers: readonly Float32Array[]): void {
  const [recovered] = createDecoder(generator).reconstruct([undefined, ...answers.slice(1)]);
  const difference = Math.max(...recovered!.map((value, i) => Math.abs(value - answers[0]![i]!)));
  if (!(difference < 1e-3)) throw new Error(`recovered values differ by ${difference}`);
}

/**
 * Returns the smallest error of one value that the parity check must detect. In one parity equation the error
 * must exceed the allowed rounding of all answers, Σ |h| · scale · tolerance, twice: the actual rounding may
 * cancel one half.
 */
function smallestDetectableError(
  { dataShards: k, parity }: Generator,
  answers: readonly Float32Array[],
  faultyShard: number,
): number {
  const scale = (answer: Float32Array) => answer.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  let smallest = Number.POSITIVE_INFINITY;
  for (let row = 0; row < answers.length - k; row++) {
    const weight =
      faultyShard < k ? Math.abs(parity[row * k + faultyShard]!) : faultyShard === k + row ? 1 : 0;
    if (weight === 0) continue;
    let allowed = scale(answers[k + row]!);
    for (let shard = 0; shard < k; shard++)
      allowed += Math.abs(parity[row * k + shard]!) * scale(answers[shard]!);
    smallest = Math.min(smallest, (2 * TOLERANCE * allowed) / weight);
  }
  return smallest;
}
