/** Measures the sections of docs/NUMERICS.md about half-precision and integer weights. */
import { createDecoder } from '../src/decode.ts';
import { encodeWeights } from '../src/encode.ts';
import { generatorMatrix } from '../src/generator.ts';
import { createIntegerDecoder } from '../src/integers/decode-integers.ts';
import { integerGenerator, lostBits } from '../src/integers/integer-generator.ts';
import { encodeIntegers, verifyIntegers } from '../src/integers/verify-integers.ts';
import { partitionRows } from '../src/partition.ts';
import { erasures, productFloat64 } from '../src/testing/coded-layer.ts';
import { normalArray, seededNormal, seededRandom } from '../src/testing/random.ts';

type Product = (weights: Float32Array, rows: number, input: Float32Array) => Promise<Float32Array>;
type Round = (value: number) => number;

/** Rounds to a binary floating-point format. @param smallest  exponent of the smallest normal number */
const roundTo =
  (fractionBits: number, smallest: number): Round =>
  (value) => {
    if (value === 0) return 0;
    const exponent = Math.max(smallest, Math.floor(Math.log2(Math.abs(value))));
    const unit = 2 ** (exponent - fractionBits);
    const scaled = value / unit;
    const rounded = Math.round(scaled);
    // Ties to even.
    return (Math.abs(scaled % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded) * unit;
  };

const exact: Round = (value) => value;
const FORMATS = { float16: roundTo(10, -14), bfloat16: roundTo(7, -126) } as const;

const ROWS = 480;
const COLUMNS = 2048;
const SEEDS = [1, 2, 3];
const CODES = [
  [4, 1],
  [12, 1],
  [4, 2],
  [12, 2],
] as const;

async function halfError(
  k: number,
  r: number,
  product: Product,
  round: { readonly weights: Round; readonly parity: Round; readonly answers: Round },
): Promise<number> {
  const generator = generatorMatrix(k, r);
  const decoder = createDecoder(generator);
  let worst = 0;
  for (const seed of SEEDS) {
    const normal = seededNormal(seed);
    const weights = normalArray(ROWS * COLUMNS, normal).map(round.weights);
    const input = normalArray(COLUMNS, normal);
    const { blocks, height } = partitionRows(ROWS, k);
    const answers: Float32Array[] = [];
    for (const { start, rows } of blocks) {
      const answer = new Float32Array(height);
      answer.set(await product(weights.slice(start * COLUMNS, (start + rows) * COLUMNS), rows, input));
      answers.push(answer.map(round.answers));
    }
    for (let i = 0; i < r; i++) {
      const parity = encodeWeights(generator, i, weights, { rows: ROWS, height, blocks }, COLUMNS);
      answers.push((await product(parity.map(round.parity), height, input)).map(round.answers));
    }
    const reference = productFloat64(weights, new Float32Array(ROWS), input);
    const scale = reference.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    for (const missing of erasures(k + r, r)) {
      const outputs = decoder.reconstruct(answers.map((a, s) => (missing.includes(s) ? undefined : a)));
      for (const [b, { start, rows }] of blocks.entries()) {
        for (let i = 0; i < rows; i++) {
          worst = Math.max(worst, Math.abs(outputs[b]![i]! - reference[start + i]!) / scale);
        }
      }
    }
  }
  return worst;
}

async function halfTable(product: Product): Promise<string> {
  const lines = [
    `| weights | parity weights | answers | ${CODES.map(([k, r]) => `k=${k} r=${r}`).join(' | ')} |`,
    `| --- | --- | --- | ${CODES.map(() => '---').join(' | ')} |`,
  ];
  for (const [name, weights] of Object.entries(FORMATS)) {
    for (const [parityName, answersName] of [
      ['float32', 'float32'],
      [name, 'float32'],
      ['float32', name],
      [name, name],
    ] as const) {
      const round = {
        weights,
        parity: parityName === 'float32' ? exact : weights,
        answers: answersName === 'float32' ? exact : weights,
      };
      const cells = [];
      for (const [k, r] of CODES) cells.push((await halfError(k, r, product, round)).toExponential(1));
      lines.push(`| ${name} | ${parityName} | ${answersName} | ${cells.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}

function bitsTable(): string {
  const ks = [2, 3, 4, 5, 6, 8, 10, 12];
  const cell = (k: number, r: number) => {
    const bits = 31 - lostBits(integerGenerator(k, r));
    // uint8 inputs and int8 weights: products of at most 255 · 128.
    return `${bits} · ${Math.floor((2 ** bits - 1) / (255 * 128)).toLocaleString('en')}`;
  };
  return [
    `| | ${ks.map((k) => `k = ${k}`).join(' | ')} |`,
    `| --- | ${ks.map(() => '---').join(' | ')} |`,
    ...[2, 3].map((r) => `| r = ${r} | ${ks.map((k) => cell(k, r)).join(' | ')} |`),
  ].join('\n');
}

/** Recovers random accumulators in every pattern. @returns the recovered values, and how many of them differ */
function countDifferences(): { recovered: number; differences: number; flips: number; undetected: number } {
  const random = seededRandom(5);
  const count = { recovered: 0, differences: 0, flips: 0, undetected: 0 };
  for (const [k, r] of [...CODES, [4, 3]] as const) {
    const generator = integerGenerator(k, r);
    const span = 2 ** (31 - lostBits(generator));
    const outputs = Array.from({ length: k }, () =>
      Int32Array.from({ length: 1000 }, () => Math.floor((2 * random() - 1) * span)),
    );
    const answers = [
      ...outputs,
      ...Array.from({ length: r }, (_, i) => encodeIntegers(generator, i, outputs)),
    ];
    const { reconstruct } = createIntegerDecoder(generator);
    for (const missing of erasures(k + r, r)) {
      const found = reconstruct(answers.map((answer, s) => (missing.includes(s) ? undefined : answer)));
      for (const shard of missing) {
        if (shard >= k) continue;
        for (const [i, value] of outputs[shard]!.entries()) {
          count.recovered++;
          if (found[shard]![i] !== value) count.differences++;
        }
      }
    }
    for (let flip = 0; flip < 200; flip++) {
      const shard = flip % (k + r);
      const wrong = answers[shard]!.slice();
      wrong[flip]! ^= 1 << Math.floor(32 * random());
      count.flips++;
      if (verifyIntegers(generator, answers.with(shard, wrong)).consistent) count.undetected++;
    }
  }
  return count;
}

/** @param product  ONNX Runtime's product with weights in the model */
export async function compactSections(product: Product): Promise<string> {
  const { recovered, differences, flips, undetected } = countDifferences();
  return `## Half-precision weights

Largest error ÷ largest output of recovered values, over all erasure patterns (${ROWS} rows, ${COLUMNS} columns, ${SEEDS.length} seeds). Weights
are rounded to the format first; the reference is their product in float64. ONNX Runtime computes in float32.

${await halfTable(product)}

The first row of each format is what Sparewheel does. The sum of half-precision weights is exact in float32, or almost, so recovery is
as exact as with float32 weights. Parity weights of half precision would save half the bytes of one device and put an error of
several units of half precision into each recovered value. The same holds for half-precision answers.

Over 4 + 1 devices, the weights take 4 · ½ + 1 = 3 shards of float32 instead of 5.

## Integer weights

Answers are int32 accumulators modulo 2³². With r = 1, recovery is exact for every value, even one that overflows. With r ≥ 2 each cell
shows the bits of magnitude that are recovered exactly · the largest number of inputs of a layer with uint8 inputs and int8
weights that surely stays below, even if every weight is −128. The import adds the magnitudes of the weights of each output and takes 255 ×
the largest sum instead. Normally distributed weights (4,718,592 of them, scaled by the largest, 5.2 σ) allow 6.3 × as many inputs: 52,000
with k = 8, r = 2. Layers that may exceed the bits stay local, and the plan says so.

${bitsTable()}

Measured with random accumulators of the largest magnitude: ${differences} of ${recovered.toLocaleString('en')} recovered values differ. Of ${flips} answers with
one wrong bit, ${undetected} were not detected.

**Cost of the parity.** The sum of k 8-bit weights needs up to 16 bits, so a parity shard holds two planes of int8: 2 × the bytes and
2 × the multiply-adds of a data shard. Coefficients above 1 (r = 3, k ≥ 9) need three planes. \`npm run bench -- integers\` measures
layers of AlexNet's size; [RESULTS.md](../bench/RESULTS.md) has the figures.
`;
}
