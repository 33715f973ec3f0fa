import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { joinChunks } from '@sparewheel/onnx';
import { zooModel } from '@sparewheel/zoo';
import ort from 'onnxruntime-node';

const GRAPHS = fileURLToPath(new URL('../../../shared/data/onnx/', import.meta.url));

export interface CaseInput {
  readonly name: string;
  readonly dims: readonly number[];
  readonly datatype: 'FP32' | 'INT64';
  /** Little-endian values. */
  readonly bytes: Uint8Array;
}

/** A network with inputs and expected outputs. */
export interface GraphCase {
  readonly name: string;
  /** The ONNX file; null for a network of the product's zoo. */
  readonly file: Uint8Array<ArrayBuffer> | null;
  readonly inputs: readonly CaseInput[];
  /** Expected values by output name. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

interface TensorFile {
  readonly file: string;
  readonly dtype: 'float32' | 'int64';
  readonly shape: readonly number[];
}

/** Returns the graphs in `../shared/data/onnx` with PyTorch's outputs; none if the folder does not exist. */
export function publicCases(): GraphCase[] {
  if (!existsSync(GRAPHS)) return [];
  const names = readdirSync(GRAPHS).filter((file) => file.endsWith('.onnx'));
  return names.map((file) => publicCase(file.slice(0, -'.onnx'.length)));
}

function publicCase(name: string): GraphCase {
  const { inputs, outputs } = JSON.parse(readFileSync(join(GRAPHS, `${name}.json`), 'utf8')) as {
    inputs: Record<string, TensorFile>;
    outputs: Record<string, TensorFile>;
  };
  const bytes = ({ file }: TensorFile) => Uint8Array.from(readFileSync(join(GRAPHS, file)));
  return {
    name,
    file: Uint8Array.from(readFileSync(join(GRAPHS, `${name}.onnx`))),
    inputs: Object.entries(inputs).map(([input, file]) => ({
      name: input,
      dims: file.shape,
      datatype: file.dtype === 'int64' ? 'INT64' : 'FP32',
      bytes: bytes(file),
    })),
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([output, file]) => {
        const { buffer } = bytes(file);
        const values = file.dtype === 'int64' ? new BigInt64Array(buffer) : new Float32Array(buffer);
        return [output, Float32Array.from(values as ArrayLike<number>, Number)];
      }),
    ),
  };
}

/** Returns a network of the zoo with the outputs of plain ONNX Runtime on the undivided model. */
export async function zooCase(name: string): Promise<GraphCase> {
  const model = joinChunks(await zooModel(name)!.chunks());
  const session = await ort.InferenceSession.create(model);
  const feeds: Record<string, ort.Tensor> = {};
  const inputs = session.inputMetadata.map((input): CaseInput => {
    if (!input.isTensor || input.type !== 'float32')
      throw new TypeError(`${name}: input "${input.name}" is not a float32 tensor`);
    const dims = input.shape.map(Number);
    const elements = dims.reduce((product, dim) => product * dim, 1);
    const values = Float32Array.from({ length: elements }, (_, i) => 0.5 + 0.5 * Math.sin(i * 0.37));
    feeds[input.name] = new ort.Tensor('float32', values, dims);
    return { name: input.name, dims, datatype: 'FP32', bytes: new Uint8Array(values.buffer) };
  });
  const answers = await session.run(feeds);
  const outputs = Object.entries(answers).map(
    ([output, tensor]) => [output, Float32Array.from(tensor.data as Float32Array)] as const,
  );
  await session.release();
  return { name, file: null, inputs, outputs: Object.fromEntries(outputs) };
}
