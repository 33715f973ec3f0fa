import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recoveryTolerance } from './conditioning.ts';
import { createDecoder } from './decode.ts';
import { encodeBias, encodeWeights } from './encode.ts';
import { generatorMatrix } from './generator.ts';
import { partitionRows } from './partition.ts';
import { computeLayer } from './splits/im2col.ts';
import { convolution, count, shapesOf } from './splits/layer.ts';
import { erasures, productFloat64 } from './testing/coded-layer.ts';
import { type Operator, onnxOperator, runWithConstants } from './testing/onnx-operator.ts';
import { normalArray, seededNormal } from './testing/random.ts';

let gemm: Operator;
beforeAll(async () => {
  gemm = await onnxOperator('Gemm', { transB: 1 });
});
afterAll(() => gemm.release());

/**
 * Divides and encodes a random layer, computes every shard on ONNX Runtime and decodes every erasure pattern.
 * @param missingFrom  smallest number of missing shards
 * @returns the largest error of a recovered output ÷ the largest value of the float64 product
 */
async function worstRelativeError(
  options: { k: number; r: number; rows: number; columns: number; seed: number; constant?: boolean },
  missingFrom = 0,
): Promise<number> {
  const { k, r, rows, columns, seed, constant } = options;
  const normal = seededNormal(seed);
  const weights = normalArray(rows * columns, normal);
  const bias = normalArray(rows, normal);
  const input = normalArray(columns, normal);
  const partition = partitionRows(rows, k);
  const generator = generatorMatrix(k, r);
  const x = { data: input, dims: [1, columns] };
  const product = (w: Float32Array, b: Float32Array) => {
    const tensors = [
      { data: w, dims: [b.length, columns] },
      { data: b, dims: [b.length] },
    ] as const;
    return constant ? runWithConstants('Gemm', x, ...tensors, { transB: 1 }) : gemm.run(x, ...tensors);
  };

  const answers: Float32Array[] = [];
  for (const { start, rows: height } of partition.blocks) {
    const answer = new Float32Array(partition.height);
    const w = weights.slice(start * columns, (start + height) * columns);
    const b = bias.slice(start, start + height);
    answer.set(await product(w, b));
    answers.push(answer);
  }
  for (let i = 0; i < r; i++) {
    const w = encodeWeights(generator, i, weights, partition, columns);
    const b = encodeBias(generator, i, bias, partition);
    answers.push(await product(w, b));
  }

  const exact = productFloat64(weights, bias, input);
  const scale = exact.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const decoder = createDecoder(generator);
  let worst = 0;
  for (const missing of erasures(k + r, r)) {
    if (missing.length < missingFrom) continue;
    const outputs = decoder.reconstruct(answers.map((a, shard) => (missing.includes(shard) ? undefined : a)));
    for (const [b, { start, rows: height }] of partition.blocks.entries()) {
      for (let i = 0; i < height; i++) {
        worst = Math.max(worst, Math.abs(outputs[b]![i]! - exact[start + i]!) / scale);
      }
    }
  }
  return worst;
}

describe('shards computed by ONNX Runtime', () => {
  it('decode to the undivided layer for every erasure pattern of every k ≤ 12 and r ≤ 3', async () => {
    for (let r = 0; r <= 3; r++) {
      for (let k = 1; k <= 12; k++) {
        const tolerance = recoveryTolerance(generatorMatrix(k, r));
        await fc.assert(
          fc.asyncProperty(
            fc.record({
              rows: fc.integer({ min: k, max: 6 * k }),
              columns: fc.integer({ min: 1, max: 96 }),
              seed: fc.nat(),
            }),
            async (shape) => {
              const error = await worstRelativeError({ k, r, ...shape });
              expect(error, `k ${k}, r ${r}, tolerance ${tolerance}`).toBeLessThan(tolerance);
            },
          ),
          { numRuns: 2, seed: 100 * r + k },
        );
      }
    }
  });

  // Weights are constants of the model, as on a device. The undivided product of this width on ONNX Runtime
  // has an error of 3e-7 to 4e-7 (docs/NUMERICS.md).
  it('recover one failure to 1e-6 for k ≤ 4 and to 2e-6 for k = 12, at the width of AlexNet’s fc6', async () => {
    for (const [k, limit] of [
      [2, 1e-6],
      [3, 1e-6],
      [4, 1e-6],
      [12, 2e-6],
    ] as const) {
      const shape = { rows: 480, columns: 9216, seed: 1, constant: true };
      const error = await worstRelativeError({ k, r: 1, ...shape });
      expect(error, `k ${k}, seed 1`).toBeLessThan(limit);
    }
  });

  it('recover three failures to 1e-4 for k = 12, at the width of AlexNet’s fc6', async () => {
    const shape = { rows: 480, columns: 9216, seed: 12, constant: true };
    const error = await worstRelativeError({ k: 12, r: 3, ...shape }, 3);
    expect(error, 'seed 12').toBeLessThan(1e-4);
  });

  it('decode batched convolutions', async () => {
    const layer = convolution({
      batch: 2,
      channels: 5,
      size: [9, 8],
      filters: 35,
      kernel: [3, 3],
      strides: [2, 1],
      padsBegin: [1, 1],
      padsEnd: [1, 0],
    });
    const attributes = { strides: [2, 1], pads: [1, 1, 1, 0], kernel_shape: [3, 3] };
    const conv = await onnxOperator('Conv', attributes);
    const normal = seededNormal(8);
    const shapes = shapesOf(layer);
    const input = normalArray(count(shapes.input), normal);
    const weights = normalArray(count(shapes.weights), normal);
    const bias = normalArray(layer.filters, normal);
    const columns = count(shapes.weights) / layer.filters;
    const partition = partitionRows(layer.filters, 2, { align: 16 });
    const generator = generatorMatrix(2, 2);
    const { height } = partition;
    expect(partition.blocks.map((block) => block.rows)).toEqual([32, 3]);

    const run = (w: Float32Array, b: Float32Array) =>
      conv.run(
        { data: input, dims: shapes.input },
        { data: w, dims: [height, 5, 3, 3] },
        { data: b, dims: [height] },
      );
    const answers: Float32Array[] = [];
    for (const { start, rows } of partition.blocks) {
      const w = new Float32Array(height * columns);
      w.set(weights.subarray(start * columns, (start + rows) * columns));
      const b = new Float32Array(height);
      b.set(bias.subarray(start, start + rows));
      answers.push(await run(w, b));
    }
    for (const i of [0, 1]) {
      answers.push(
        await run(
          encodeWeights(generator, i, weights, partition, columns),
          encodeBias(generator, i, bias, partition),
        ),
      );
    }
    await conv.release();

    const exact = computeLayer(layer, input, weights, bias);
    const scale = exact.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    const positions = count(shapes.output.slice(2));
    for (const missing of erasures(4, 2)) {
      const outputs = createDecoder(generator).reconstruct(
        answers.map((a, shard) => (missing.includes(shard) ? undefined : a)),
      );
      let worst = 0;
      for (let image = 0; image < 2; image++) {
        for (const [b, { start, rows }] of partition.blocks.entries()) {
          for (let i = 0; i < rows * positions; i++) {
            const got = outputs[b]![image * height * positions + i]!;
            const expected = exact[(image * layer.filters + start) * positions + i]!;
            worst = Math.max(worst, Math.abs(got - expected) / scale);
          }
        }
      }
      expect(worst).toBeLessThan(recoveryTolerance(generator));
    }
  });
});
