import { createDecoder, encodeViews, generatorMatrix } from '@sparewheel/cdc';
import { createDirectEngine } from '@sparewheel/engine';
import { tinyModel } from '@sparewheel/engine/testing';
import type { Benchmark } from './benchmark.ts';
import { interleaved, median, percentile } from './measure.ts';
import { seededWeights } from './seeded-weights.ts';

const SEED = 3;
const TURNS = 400;
/** Decodes per turn. A single decode is too short for the clock. */
const CALLS_PER_TURN = 20;
/** Width of a block, and inputs per output: AlexNet's fc6. */
const WIDTH = 4096;
const COLUMNS = 9216;
const GOAL_US = 20;
/** Decode time ÷ time to compute the whole layer, all k blocks, on one device. */
const GOAL_SHARE = 0.001;

const cases = [
  { k: 2, r: 1, missing: 1 },
  { k: 4, r: 1, missing: 1 },
  { k: 8, r: 1, missing: 1 },
  { k: 12, r: 1, missing: 1 },
  { k: 4, r: 2, missing: 2 },
  { k: 12, r: 3, missing: 3 },
];

/** Measures the time to recover missing 4096-wide blocks, and compares it with computing a block. */
export const decode: Benchmark = {
  name: 'decode',
  summary: 'time to recover one missing 4096-wide block ÷ time to compute it',
  async run({ log }) {
    const computeMs = await blockComputeMs();
    log(`computing one ${COLUMNS} → ${WIDTH} block on ONNX Runtime, one thread: ${computeMs.toFixed(2)} ms`);
    const rows = [];
    for (const { k, r, missing } of cases) {
      const generator = generatorMatrix(k, r);
      const decoder = createDecoder(generator);
      const data = Array.from({ length: k }, (_, shard) => seededWeights(WIDTH, SEED + shard));
      const parity = Array.from({ length: r }, (_, i) =>
        encodeViews(generator, i, data, new Float32Array(WIDTH)),
      );
      const complete = [...data, ...parity];
      const answers = complete.map((answer, shard) => (shard < missing ? undefined : answer));
      let outputs: Float32Array[] = [];
      let naive: Float32Array = new Float32Array(0);
      const functions: Record<'decode' | 'naive', () => unknown> = {
        decode: () => {
          outputs = decoder.reconstruct(answers);
        },
        naive: () => {
          if (r === 1) naive = subtractNaively(complete);
        },
      };
      const times = await interleaved(functions, { turns: TURNS, warmups: 40, callsPerTurn: CALLS_PER_TURN });

      let error = 0;
      for (let shard = 0; shard < missing; shard++) {
        for (let i = 0; i < WIDTH; i++) {
          error = Math.max(error, Math.abs(outputs[shard]![i]! - data[shard]![i]!));
          if (r === 1) error = Math.max(error, Math.abs(naive[i]! - data[shard]![i]!));
        }
      }
      // Values are in [−1, 1), so a sum of k values and its rounding errors are at most k times as large.
      if (!(error <= (r === 1 ? k * k * 2 ** -24 : 1e-4))) {
        throw new Error(`k=${k} r=${r}: recovered values differ by ${error}`);
      }

      const decodeUs = median(times.decode) * 1000;
      const row = {
        k,
        r,
        missing,
        decodeUs,
        decodeUsP99: percentile(times.decode, 99) * 1000,
        naiveUs: r === 1 ? median(times.naive) * 1000 : null,
        shareOfBlock: decodeUs / 1000 / computeMs,
        shareOfLayer: decodeUs / 1000 / (k * computeMs),
        largestError: error,
      };
      log(
        `k=${k} r=${r}, ${missing} missing: ${decodeUs.toFixed(1)} µs, ${(row.shareOfLayer * 100).toFixed(3)} % of the time to compute the layer, ${(row.shareOfBlock * 100).toFixed(3)} % of the block's`,
      );
      rows.push(row);
    }
    const headline = rows.find((row) => row.k === 4 && row.r === 1)!;
    return {
      name: 'decode',
      value: headline.decodeUs,
      unit: 'µs to recover one missing 4096-wide block, k = 4, r = 1 (median)',
      goal: `≤ ${GOAL_US} µs and ≤ ${GOAL_SHARE * 100} % of the time to compute the layer`,
      met: headline.decodeUs <= GOAL_US && headline.shareOfLayer <= GOAL_SHARE,
      details: {
        seed: SEED,
        turns: TURNS,
        callsPerTurn: CALLS_PER_TURN,
        block: `${WIDTH}×${COLUMNS}`,
        blockComputeMs: computeMs,
        shareOfLayer: headline.shareOfLayer,
        cases: rows,
      },
    };
  },
};

/** Returns the median time of one block's product in ONNX Runtime with one thread. */
async function blockComputeMs(): Promise<number> {
  const engine = await createDirectEngine({ intraOpNumThreads: 1 });
  try {
    const graph = tinyModel({
      inner: COLUMNS,
      columns: WIDTH,
      weights: seededWeights(COLUMNS * WIDTH, SEED),
    });
    await engine.load('block', { kind: 'bytes', graph });
    const x = { type: 'float32' as const, dims: [1, COLUMNS], data: seededWeights(COLUMNS, SEED + 1) };
    const times = [];
    for (let turn = 0; turn < 12; turn++) times.push((await engine.run('block', { x })).computeMs);
    return median(times.slice(2));
  } finally {
    await engine.close();
  }
}

/** Straightforward baseline for r = 1: subtracts the other answers from the parity, one array at a time. */
function subtractNaively(complete: readonly Float32Array[]): Float32Array {
  const result = complete.at(-1)!.slice();
  for (const answer of complete.slice(1, -1)) {
    for (let i = 0; i < result.length; i++) result[i] = result[i]! - answer[i]!;
  }
  return result;
}
