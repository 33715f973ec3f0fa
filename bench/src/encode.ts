import {
  encodeWeights,
  generatorMatrix,
  type Partition,
  partitionRows,
  type WeightLayout,
} from '@sparewheel/cdc';
import type { Benchmark } from './benchmark.ts';
import { interleaved, median, percentile } from './measure.ts';
import { seededWeights } from './seeded-weights.ts';

const SEED = 3;
const TURNS = 9;

interface Case {
  readonly layer: string;
  readonly rows: number;
  readonly columns: number;
  readonly k: number;
  readonly r: number;
  readonly layout: WeightLayout;
}

/** The goal applies to r = 1. The cases with r > 1 show the cost of further parity rows. */
const cases: readonly Case[] = [
  { layer: 'AlexNet fc6', rows: 4096, columns: 9216, k: 2, r: 1, layout: 'rows-major' },
  { layer: 'AlexNet fc6', rows: 4096, columns: 9216, k: 4, r: 1, layout: 'rows-major' },
  { layer: 'AlexNet fc6', rows: 4096, columns: 9216, k: 5, r: 1, layout: 'rows-major' },
  { layer: 'AlexNet fc6', rows: 4096, columns: 9216, k: 12, r: 1, layout: 'rows-major' },
  { layer: 'AlexNet fc6, MatMul', rows: 4096, columns: 9216, k: 4, r: 1, layout: 'columns-major' },
  { layer: 'VGG conv5, 3×3×512', rows: 512, columns: 4608, k: 4, r: 1, layout: 'rows-major' },
  { layer: 'AlexNet fc6', rows: 4096, columns: 9216, k: 4, r: 2, layout: 'rows-major' },
  { layer: 'AlexNet fc6', rows: 4096, columns: 9216, k: 12, r: 3, layout: 'rows-major' },
];

/** Measures the time to encode a parity shard, and compares it with copying the same weights in memory. */
export const encode: Benchmark = {
  name: 'encode',
  summary: 'speed of encoding a parity shard ÷ speed of copying the same weights in memory',
  async run({ log }) {
    const rows = [];
    for (const item of cases) {
      const { layer, rows: height, columns, k, r, layout } = item;
      const weights = seededWeights(height * columns, SEED);
      const partition = partitionRows(height, k);
      const generator = generatorMatrix(k, r);
      const copy = new Float32Array(weights.length).fill(1);
      const parity = new Float32Array(partition.height * columns).fill(1);
      const naive = new Float32Array(partition.height * columns).fill(1);
      // The last parity row, because for r > 1 its coefficients are not all 1, which costs more.
      const row = r - 1;
      const coefficients = generator.parity.subarray(row * k, (row + 1) * k);

      const times = await interleaved(
        {
          copy: () => copy.set(weights),
          encode: () => encodeWeights(generator, row, weights, partition, columns, { layout, into: parity }),
          naive: () => encodeNaively(weights, partition, columns, layout, coefficients, naive),
        },
        { turns: TURNS, warmups: 2 },
      );
      const error = largestDifference(parity, naive);
      // The naive loop rounds to float32 k times, with weights in [−1, 1).
      if (!(error <= k * k * 2 ** -24)) throw new Error(`${layer}: encoded weights differ by ${error}`);

      const result = {
        layer,
        shape: `${height}×${columns}`,
        layout,
        k,
        r,
        copyMs: median(times.copy),
        encodeMs: median(times.encode),
        encodeMsP99: percentile(times.encode, 99),
        naiveMs: median(times.naive),
        ratio: median(times.copy.map((ms, turn) => ms / times.encode[turn]!)),
      };
      log(
        `${layer} k=${k} r=${r} ${layout}: ${result.ratio.toFixed(2)} × the speed of a copy (naive ${(result.copyMs / result.naiveMs).toFixed(2)} ×)`,
      );
      rows.push(result);
    }
    const value = Math.min(...rows.filter((row) => row.r === 1).map((row) => row.ratio));
    return {
      name: 'encode',
      value,
      unit: '× the speed of copying the layer in memory, the worst case of r = 1',
      goal: '≥ 0.5',
      met: value >= 0.5,
      details: { seed: SEED, turns: TURNS, cases: rows },
    };
  },
};

/** Straightforward baseline: adds element by element into the float32 result. */
function encodeNaively(
  weights: Float32Array,
  partition: Partition,
  columns: number,
  layout: WeightLayout,
  coefficients: Float64Array,
  into: Float32Array,
): void {
  into.fill(0);
  for (let b = 0; b < partition.blocks.length; b++) {
    const { start, rows } = partition.blocks[b]!;
    const c = coefficients[b]!;
    if (layout === 'rows-major') {
      const offset = start * columns;
      for (let i = 0; i < rows * columns; i++) into[i] = into[i]! + c * weights[offset + i]!;
    } else {
      for (let column = 0; column < columns; column++) {
        const to = column * partition.height;
        const from = column * partition.rows + start;
        for (let i = 0; i < rows; i++) into[to + i] = into[to + i]! + c * weights[from + i]!;
      }
    }
  }
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}
