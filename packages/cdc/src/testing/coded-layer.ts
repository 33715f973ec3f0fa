import { encodeBias, encodeWeights, type WeightLayout } from '../encode.ts';
import { type Generator, generatorMatrix } from '../generator.ts';
import { type Partition, partitionRows } from '../partition.ts';
import { combinations } from '../small-matrix.ts';
import { normalArray, seededNormal } from './random.ts';

export interface CodedLayer {
  readonly generator: Generator;
  readonly partition: Partition;
  /** [rows, columns], independent of `layout`. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly input: Float32Array;
  /** The k + r answers, computed in float32 as on a device. */
  readonly answers: Float32Array[];
  /** Returns the largest error of a data shard's output against float64 ÷ the largest output of the layer. */
  relativeError(shard: number, output: Float32Array): number;
}

/** Creates a random fully-connected layer with one answer per shard. */
export function codedLayer(options: {
  k: number;
  r: number;
  rows: number;
  columns: number;
  seed: number;
  layout?: WeightLayout;
  partition?: Partition;
  generator?: Generator;
}): CodedLayer {
  const { k, r, rows, columns, seed, layout = 'rows-major' } = options;
  const normal = seededNormal(seed);
  const generator = options.generator ?? generatorMatrix(k, r);
  const partition = options.partition ?? partitionRows(rows, k);
  const weights = normalArray(rows * columns, normal);
  const bias = normalArray(rows, normal);
  const input = normalArray(columns, normal);
  const stored = layout === 'rows-major' ? weights : transpose(weights, rows, columns);

  const answers: Float32Array[] = partition.blocks.map(({ start, rows: height }) => {
    const answer = new Float32Array(partition.height);
    answer.set(
      productFloat32(
        weights.subarray(start * columns, (start + height) * columns),
        bias.subarray(start, start + height),
        input,
      ),
    );
    return answer;
  });
  for (let i = 0; i < r; i++) {
    const encoded = encodeWeights(generator, i, stored, partition, columns, { layout });
    const shard = layout === 'rows-major' ? encoded : transpose(encoded, columns, partition.height);
    answers.push(productFloat32(shard, encodeBias(generator, i, bias, partition), input));
  }

  const exact = productFloat64(weights, bias, input);
  const scale = exact.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return {
    generator,
    partition,
    weights,
    bias,
    input,
    answers,
    relativeError(shard, output) {
      const { start, rows: height } = partition.blocks[shard]!;
      let worst = 0;
      for (let i = 0; i < height; i++) worst = Math.max(worst, Math.abs(output[i]! - exact[start + i]!));
      return worst / scale;
    },
  };
}

/** Computes weights · input + bias and rounds every step to float32. */
function productFloat32(weights: Float32Array, bias: Float32Array, input: Float32Array): Float32Array {
  return bias.map((b, row) => {
    let sum = 0;
    for (let j = 0; j < input.length; j++) {
      sum = Math.fround(sum + Math.fround(weights[row * input.length + j]! * input[j]!));
    }
    return sum + b;
  });
}

/** Computes weights · input + bias in float64. */
export function productFloat64(weights: Float32Array, bias: Float32Array, input: Float32Array): Float64Array {
  return Float64Array.from(bias, (b, row) => {
    let sum = b;
    for (let j = 0; j < input.length; j++) sum += weights[row * input.length + j]! * input[j]!;
    return sum;
  });
}

/** Transposes [rows, columns] to [columns, rows]. */
export function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result[j * rows + i] = matrix[i * columns + j]!;
  }
  return result;
}

/** Returns every set of at most `most` of n shards. */
export function erasures(n: number, most: number): number[][] {
  const shards = Array.from({ length: n }, (_, i) => i);
  return Array.from({ length: most + 1 }, (_, size) => [...combinations(shards, size)]).flat();
}
