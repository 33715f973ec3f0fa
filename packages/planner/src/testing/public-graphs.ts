import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ElementType, viewTensorData } from '@sparewheel/protocol';
import { Tensor } from 'onnxruntime-node';

/** Folder with graphs and their expected outputs. It is beside the repository, not part of it. */
export const GRAPHS = fileURLToPath(new URL('../../../../../shared/data/onnx/', import.meta.url));
export const NODE_CASES = join(GRAPHS, 'node');
export const GRAPHS_ARE_HERE = existsSync(GRAPHS);

if (!GRAPHS_ARE_HERE) console.warn(`no public graphs in ${GRAPHS}; skipping their tests`);

export interface PublicCase {
  readonly name: string;
  readonly modelPath: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly rtol?: number;
  readonly atol?: number;
}

interface TensorFile {
  readonly file: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
}

/** Returns the cases in a directory. Without the directory, one placeholder, so that its test counts as skipped. */
export function caseNames(directory: string): string[] {
  if (!existsSync(directory)) return ['every case'];
  return readdirSync(directory)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));
}

export function loadCase(directory: string, name: string): PublicCase {
  const description = JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8')) as {
    inputs: Record<string, TensorFile>;
    outputs: Record<string, TensorFile>;
    rtol?: number;
    atol?: number;
  };
  const tensors = (files: Record<string, TensorFile>) =>
    Object.fromEntries(
      Object.entries(files).map(([key, { file, dtype, shape }]) => {
        const data = viewTensorData(dtype, new Uint8Array(readFileSync(join(directory, file))));
        return [key, new Tensor(dtype as 'float32', data as Float32Array, shape)];
      }),
    );
  const { rtol, atol } = description;
  return {
    name,
    modelPath: join(directory, `${name}.onnx`),
    inputs: tensors(description.inputs),
    outputs: tensors(description.outputs),
    ...(rtol === undefined ? {} : { rtol }),
    ...(atol === undefined ? {} : { atol }),
  };
}

/**
 * Returns the largest difference ÷ the largest expected value; infinite if the lengths differ or a value is
 * NaN.
 */
export function relativeError(found: Tensor, expected: Tensor): number {
  const [a, b] = [found.data as Float32Array, expected.data as Float32Array];
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return worst / (largest || 1);
}
