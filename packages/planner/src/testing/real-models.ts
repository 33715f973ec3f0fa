import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tensor } from 'onnxruntime-node';

/** Folder with one small graph for each kind of file that people bring. It is beside the repository, not part of it. */
export const REAL_MODELS = fileURLToPath(new URL('../../../../../shared/data/real-models/', import.meta.url));
export const REAL_MODELS_ARE_HERE = existsSync(REAL_MODELS);

if (!REAL_MODELS_ARE_HERE) console.warn(`no graphs in ${REAL_MODELS}; skipping their tests`);

export interface RealModel {
  readonly modelPath: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** The outputs of plain ONNX Runtime. */
  readonly outputs: Readonly<Record<string, Tensor>>;
}

interface TensorJson {
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export function loadRealModel(name: string): RealModel {
  const described = JSON.parse(readFileSync(join(REAL_MODELS, `${name}.json`), 'utf8')) as {
    inputs: Record<string, TensorJson>;
    outputs: Record<string, TensorJson>;
  };
  const tensors = (given: Record<string, TensorJson>) =>
    Object.fromEntries(Object.entries(given).map(([key, tensor]) => [key, tensorOf(tensor)]));
  return {
    modelPath: join(REAL_MODELS, `${name}.onnx`),
    inputs: tensors(described.inputs),
    outputs: tensors(described.outputs),
  };
}

function tensorOf({ datatype, shape, data }: TensorJson): Tensor {
  switch (datatype) {
    case 'FP32':
      return new Tensor('float32', Float32Array.from(data), shape);
    case 'INT64':
      return new Tensor('int64', BigInt64Array.from(data, BigInt), shape);
    default:
      throw new TypeError(`no graph has tensors of the type ${datatype}`);
  }
}
