/**
 * Measures and writes docs/NUMERICS.md in about a minute: `npx tsx packages/cdc/scripts/numerics.ts`.
 * The measurement is seeded, but the last digits depend on the processor's kernels.
 */
import { writeFileSync } from 'node:fs';
import { conditioning } from '../src/conditioning.ts';
import { createDecoder, planRecovery } from '../src/decode.ts';
import { encodeWeights } from '../src/encode.ts';
import { SingularGeneratorError } from '../src/errors.ts';
import {
  type Generator,
  generatorFromRows,
  generatorMatrix,
  vandermondeGenerator,
} from '../src/generator.ts';
import { failureCoverage, overlappingPartialSums } from '../src/partial-sums.ts';
import { partitionRows } from '../src/partition.ts';
import { erasures, productFloat64, transpose } from '../src/testing/coded-layer.ts';
import { onnxOperator, runWithConstants } from '../src/testing/onnx-operator.ts';
import { normalArray, seededNormal, seededRandom } from '../src/testing/random.ts';
import { DEFAULT_ANSWER_TOLERANCE, verify } from '../src/verify.ts';
import { compactSections } from './compact-numerics.ts';

type Product = (weights: Float32Array, rows: number, input: Float32Array) => Promise<Float32Array>;

const gemm = await onnxOperator('Gemm', { transB: 1 });
const gemmByColumns = await onnxOperator('Gemm');

const zeros = (rows: number) => ({ data: new Float32Array(rows), dims: [rows] });
const row = (data: Float32Array) => ({ data, dims: [1, data.length] });
const kernels: Record<string, Product> = {
  'Gemm, weights in the model (repacked)': (w, rows, x) =>
    runWithConstants('Gemm', row(x), { data: w, dims: [rows, x.length] }, zeros(rows), { transB: 1 }),
  'Gemm [rows, columns], not repacked': (w, rows, x) =>
    gemm.run(row(x), { data: w, dims: [rows, x.length] }, zeros(rows)),
  'Gemm [columns, rows], not repacked': (w, rows, x) =>
    gemmByColumns.run(row(x), { data: transpose(w, rows, x.length), dims: [x.length, rows] }, zeros(rows)),
};

/** Divides and encodes a random layer. Returns the answers of all shards and the exact product. */
async function codedAnswers(
  generator: Generator,
  rows: number,
  columns: number,
  seed: number,
  product: Product,
) {
  const k = generator.dataShards;
  const normal = seededNormal(seed);
  const weights = normalArray(rows * columns, normal);
  const input = normalArray(columns, normal);
  const { blocks, height } = partitionRows(rows, k);
  const answers: Float32Array[] = [];
  for (const block of blocks) {
    const answer = new Float32Array(height);
    const part = weights.slice(block.start * columns, (block.start + block.rows) * columns);
    answer.set(await product(part, block.rows, input));
    answers.push(answer);
  }
  for (let i = 0; i < generator.parityShards; i++) {
    const parity = encodeWeights(generator, i, weights, { rows, height, blocks }, columns);
    answers.push(await product(parity, height, input));
  }
  return { answers, blocks, exact: productFloat64(weights, new Float32Array(rows), input) };
}

const largest = (values: Float64Array) => values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
const rms = (values: Float64Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

/** Returns the worst errors over all erasure patterns of up to r shards, relative to the exact product. */
async function worstError(
  generator: Generator,
  rows: number,
  columns: number,
  seeds: number[],
  product: Product,
) {
  const decoder = createDecoder(generator);
  const n = generator.dataShards + generator.parityShards;
  let overLargest = 0;
  let overRms = 0;
  let undivided = 0;
  for (const seed of seeds) {
    const { answers, blocks, exact } = await codedAnswers(generator, rows, columns, seed, product);
    const errorOf = (outputs: readonly Float32Array[]) => {
      let worst = 0;
      for (const [b, { start, rows: height }] of blocks.entries()) {
        for (let i = 0; i < height; i++)
          worst = Math.max(worst, Math.abs(outputs[b]![i]! - exact[start + i]!));
      }
      return worst;
    };
    undivided = Math.max(undivided, errorOf(answers) / largest(exact));
    for (const missing of erasures(n, generator.parityShards)) {
      const outputs = decoder.reconstruct(answers.map((a, s) => (missing.includes(s) ? undefined : a)));
      const error = errorOf(outputs);
      overLargest = Math.max(overLargest, error / largest(exact));
      overRms = Math.max(overRms, error / rms(exact));
    }
  }
  return { overLargest, overRms, undivided };
}

const families: Record<string, (k: number, r: number) => Generator> = {
  'ones + searched rows (ours)': generatorMatrix,
  'Vandermonde (j + 1)ⁱ / kⁱ (ours beyond the table)': vandermondeGenerator,
  'Vandermonde (j + 1)ⁱ': (k, r) => rowsOf(k, r, (i, j) => (j + 1) ** i),
  'random normal': (k, r) => {
    const normal = seededNormal(17);
    return rowsOf(k, r, () => normal());
  },
  'random orthonormal': (k, r) => orthonormalRows(k, r, 17),
  'Cauchy 1 / (i + j + 1)': (k, r) => rowsOf(k, r, (i, j) => 1 / (i + j + 1)),
  'Chebyshev cos(i (2j + 1) π / 2k)': (k, r) =>
    rowsOf(k, r, (i, j) => Math.cos((i * (2 * j + 1) * Math.PI) / (2 * k))),
};

function rowsOf(k: number, r: number, value: (i: number, j: number) => number): Generator {
  return generatorFromRows(
    k,
    Array.from({ length: r }, (_, i) => Array.from({ length: k }, (_, j) => value(i, j))),
  );
}

/** Orthonormalizes random rows of length k (Gram–Schmidt). With r > k the result is singular. */
function orthonormalRows(k: number, r: number, seed: number): Generator {
  const normal = seededNormal(seed);
  const rows: number[][] = [];
  for (let i = 0; i < r; i++) {
    const vector = Array.from({ length: k }, () => normal());
    for (const other of rows) {
      const dot = vector.reduce((sum, v, j) => sum + v * other[j]!, 0);
      for (let j = 0; j < k; j++) vector[j]! -= dot * other[j]!;
    }
    const norm = Math.hypot(...vector);
    rows.push(vector.map((v) => v / norm));
  }
  return generatorFromRows(k, rows);
}

const codes = [
  [4, 2],
  [8, 2],
  [12, 2],
  [4, 3],
  [8, 3],
  [12, 3],
] as const;

const scientific = (value: number) => value.toExponential(1);
const tableOf = (header: string[], rows: string[][]) =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

async function generatorTable(): Promise<string> {
  const rows: string[][] = [];
  for (const [name, make] of Object.entries(families)) {
    const cells = [name];
    for (const [k, r] of codes) {
      const generator = make(k, r);
      try {
        const { amplification } = conditioning(generator);
        const { overRms } = await worstError(
          generator,
          16 * k,
          1024,
          [1, 2, 3],
          kernels['Gemm [rows, columns], not repacked']!,
        );
        cells.push(`${amplification.toFixed(amplification < 100 ? 1 : 0)} · ${scientific(overRms)}`);
      } catch (error) {
        if (!(error instanceof SingularGeneratorError)) throw error;
        cells.push('singular');
      }
    }
    rows.push(cells);
    console.error(cells.join(' | '));
  }
  return tableOf(['generator', ...codes.map(([k, r]) => `k=${k} r=${r}`)], rows);
}

function amplificationTable(): string {
  const ks = [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 28, 32];
  const rows = [1, 2, 3, 4].map((r) => [
    `r = ${r}`,
    ...ks.map((k) => {
      const { amplification } = conditioning(generatorMatrix(k, r));
      return amplification.toFixed(amplification < 100 ? 1 : 0);
    }),
  ]);
  return tableOf(['', ...ks.map((k) => `k = ${k}`)], rows);
}

async function kernelTable(): Promise<string> {
  const rows: string[][] = [];
  for (const [name, product] of Object.entries(kernels)) {
    for (const columns of [2048, 9216]) {
      const cells: string[] = [];
      let undivided = 0;
      for (const [k, r] of [
        [2, 1],
        [4, 1],
        [8, 1],
        [12, 1],
        [12, 2],
        [12, 3],
      ] as const) {
        const result = await worstError(generatorMatrix(k, r), 480, columns, [1, 2, 3], product);
        undivided = Math.max(undivided, result.undivided);
        cells.push(scientific(result.overLargest));
      }
      rows.push([name, String(columns), scientific(undivided), ...cells]);
      console.error(rows.at(-1)!.join(' | '));
    }
  }
  return tableOf(
    [
      'kernel',
      'columns',
      'nothing missing',
      'k=2 r=1',
      'k=4 r=1',
      'k=8 r=1',
      'k=12 r=1',
      'k=12 r=2',
      'k=12 r=3',
    ],
    rows,
  );
}

/**
 * Counts false alarms on correct answers, and errors of a given size that `verify` misses or cannot locate.
 */
async function verifyTable(): Promise<{ table: string; correct: string }> {
  const errors = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 1e-2, 1];
  const layers = 60;
  const rows: string[][] = [];
  const correct: string[] = [];
  for (const [k, r] of [
    [4, 1],
    [12, 1],
    [4, 2],
    [12, 2],
    [12, 3],
  ] as const) {
    const generator = generatorMatrix(k, r);
    const missed = new Array<number>(errors.length).fill(0);
    const unlocated = new Array<number>(errors.length).fill(0);
    const misplaced = new Array<number>(errors.length).fill(0);
    let alarms = 0;
    let worst = 0;
    const random = seededRandom(k + r);
    for (let seed = 0; seed < layers; seed++) {
      const { answers } = await codedAnswers(
        generator,
        16 * k,
        2048,
        seed,
        kernels['Gemm [columns, rows], not repacked']!,
      );
      const truth = verify(generator, answers);
      if (!truth.consistent) alarms++;
      worst = Math.max(worst, truth.residual);
      for (const [e, size] of errors.entries()) {
        const faultyShard = Math.floor(random() * (k + r));
        const wrong = answers[faultyShard]!.slice();
        const scale = wrong.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        wrong[Math.floor(random() * wrong.length)]! += (random() < 0.5 ? -1 : 1) * size * scale;
        const result = verify(generator, answers.with(faultyShard, wrong));
        if (result.consistent) missed[e]!++;
        else if (r >= 2 && !result.faultyShards) unlocated[e]!++;
        else if (r >= 2 && result.faultyShards!.join() !== String(faultyShard)) misplaced[e]!++;
      }
    }
    const percent = (count: number) => `${Math.round((100 * count) / layers)} %`;
    rows.push([
      `k=${k} r=${r}`,
      ...errors.map((_, e) =>
        r === 1
          ? percent(missed[e]!)
          : `${percent(missed[e]!)} · ${percent(unlocated[e]!)} · ${percent(misplaced[e]!)}`,
      ),
    ]);
    correct.push(`k=${k} r=${r}: ${alarms} of ${layers}, largest residual ${worst.toFixed(3)}`);
    console.error(rows.at(-1)!.join(' | '));
  }
  return {
    table: tableOf(['', ...errors.map((size) => `error ${size}`)], rows),
    correct: correct.map((line) => `- ${line}`).join('\n'),
  };
}

function partialSumTable(): string {
  const rows = [4, 6, 8, 12].map((k) => {
    const share = (generator: Generator, failures: number) => {
      const { repaired, patterns } = failureCoverage(generator, failures);
      return `${repaired} / ${patterns}`;
    };
    return [
      `k = ${k}`,
      share(overlappingPartialSums(k, 2), 2),
      share(overlappingPartialSums(k, 3), 2),
      share(overlappingPartialSums(k, 3), 3),
      share(generatorMatrix(k, 2), 2),
      share(generatorMatrix(k, 3), 3),
    ];
  });
  return tableOf(
    [
      '',
      '2 sums, 2 failures',
      '3 sums, 2 failures',
      '3 sums, 3 failures',
      'searched r = 2, 2 failures',
      'searched r = 3, 3 failures',
    ],
    rows,
  );
}

/** Describes the worst pattern of a generator, with its amplification and largest recovery coefficient. */
function worstPattern(k: number, r: number): string {
  const generator = generatorMatrix(k, r);
  const { missing, parities, amplification } = conditioning(generator);
  const present = Array.from({ length: k + r }, (_, s) =>
    s < k ? !missing.includes(s) : parities.includes(s - k),
  );
  const { coefficients } = planRecovery(generator, present)!;
  const largestCoefficient = coefficients.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return `data shards ${missing.join(', ')} from parity rows ${parities.join(', ')}: amplification ${amplification.toFixed(1)}, largest coefficient ${largestCoefficient.toFixed(1)}`;
}

const generators = await generatorTable();
const kernelErrors = await kernelTable();
const verification = await verifyTable();
const compact = await compactSections(kernels['Gemm, weights in the model (repacked)']!);
await gemm.release();
await gemmByColumns.release();

writeFileSync(
  new URL('../../../docs/NUMERICS.md', import.meta.url),
  `# Numerical accuracy

This page shows how much recovery amplifies rounding errors, and which wrong answers \`verify\` detects.
It is for readers who choose k, r or a tolerance.

Generated by \`npx tsx packages/cdc/scripts/numerics.ts\`; do not edit. Measured on ${process.platform}-${process.arch}, Node
${process.versions.node}. ONNX Runtime computes the shards in float32; the reference is the undivided product in float64.
Weights and inputs are standard normal and seeded. Other processors use other kernels, so their last digits differ.

**Amplification** is the root-mean-square error of a recovered output ÷ that of a data answer, in the worst erasure pattern.
The model: errors are independent, and a parity answer's error is proportional to the 2-norm of its row. \`conditioning\`
computes it exactly over all C(k + r, r) − 1 patterns. Tolerances in tests are derived from it. For one sum it is √(2k − 1).

## Which generator

Worst amplification · worst error ÷ output rms, over every erasure pattern of up to r shards (1024 columns, 16 rows per block, 3 seeds):

${generators}

The searched rows beat every closed form. Their first row is all ones, so one failure is recovered by a subtraction. Random
rows are invertible with probability one but often badly conditioned. Chebyshev rows are singular for r ≥ 3.

Amplification of the generator table:

${amplificationTable()}

Four failures among 20 or more shards are recoverable but inexact: 2000 × 1e-7 is an error in the fourth digit. Use several
smaller groups instead.

Worst patterns: for k = 4, r = 2, ${worstPattern(4, 2)}; for k = 12, r = 3, ${worstPattern(12, 3)}.

## Error of recovered outputs

Relative error = largest absolute error against float64 ÷ largest output of the layer, the worst over all erasure patterns
(480 rows, 3 seeds). "Nothing missing" is ONNX Runtime's own error, the lower bound of any recovery.

${kernelErrors}

Recovering one missing shard multiplies ONNX Runtime's own error by about √(2k − 1). At the width of AlexNet's fc6, with
constant weights as on devices, the error is 1e-6 up to k = 4 and at most twice that at k = 12. No code can be more exact than
its answers. Kernels that do not repack their weights start with two to four times the error. With three missing shards of
k = 12, every kernel stays below 1e-4.

${compact}
## Wrong answers

\`verify\` allows each answer an error of ${DEFAULT_ANSWER_TOLERANCE.toExponential(1)} (2⁻¹⁶) of its own largest value, and sums these allowances over each parity
check. A residual above 1 means that an answer is wrong. False alarms on correct answers (2048 columns, the least exact kernel):

${verification.correct}

Each cell covers 60 layers. One element of one answer has the given error, relative to that answer's largest value. For r = 1:
not detected. For r ≥ 2: not detected · detected but not located · located at the wrong shard.

${verification.table}

An error below the tolerance changes the output by less than rounding may. An error just above it is detected, but the code
cannot yet locate the faulty shard.

## The paper's partial sums

Recoverable patterns of exactly 2 or 3 failures among all k + r devices. Overlapping partial sums (figure 18, "almost
complete") are compared with the searched generator, which recovers every pattern.

${partialSumTable()}
`,
);
