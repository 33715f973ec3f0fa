import { joinChunks, type Model, writeModel } from '@sparewheel/onnx';
import '@tensorflow/tfjs-backend-cpu';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import { env, type io, type Tensor, tensor } from '@tensorflow/tfjs-core';
import { type LayersModel, loadLayersModel } from '@tensorflow/tfjs-layers';
import ort from 'onnxruntime-node';
import { convertTfjs, type WeightFiles } from '../index.ts';

// TensorFlow.js otherwise recommends another backend on the console.
env().set('IS_TEST', true);

/** A tensor of a test. */
export interface Feed {
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** model.json and its only weight file. */
export interface TfjsFiles {
  readonly json: Record<string, unknown> & { weightsManifest: { paths: string[]; weights: unknown[] }[] };
  readonly weights: Uint8Array;
}

export function weightFiles(files: Readonly<Record<string, Uint8Array>>): WeightFiles {
  return {
    size: (path) => (Object.hasOwn(files, path) ? files[path]!.byteLength : undefined),
    read: (path, offset, length) => files[path]!.subarray(offset, offset + length),
  };
}

export function convert({ json, weights }: TfjsFiles): Model {
  return convertTfjs(json, weightFiles({ 'weights.bin': weights }));
}

/** Saves a model of TensorFlow.js as the browser does. */
export async function saved(model: LayersModel): Promise<TfjsFiles> {
  let artifacts: io.ModelArtifacts | undefined;
  await model.save({
    save: async (given) => {
      artifacts = given;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    },
  });
  const { modelTopology, weightSpecs, weightData, format } = artifacts!;
  return {
    // As text, so that the test sees what a file has.
    json: JSON.parse(
      JSON.stringify({
        format,
        modelTopology,
        weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
      }),
    ),
    weights: new Uint8Array(weightData as ArrayBuffer),
  };
}

/** Runs the converted model in ONNX Runtime. */
export async function onnxOutputs(model: Model, feeds: readonly Feed[]): Promise<Feed[]> {
  const session = await ort.InferenceSession.create(joinChunks(writeModel(model)), {
    logSeverityLevel: 4,
    intraOpNumThreads: 1,
  });
  const inputs = session.inputNames.map((name, index) => {
    const { data, dims } = feeds[index]!;
    const type = data instanceof Int32Array ? 'int32' : 'float32';
    return [name, new ort.Tensor(type, data as Float32Array, dims)] as const;
  });
  const outputs = await session.run(Object.fromEntries(inputs));
  await session.release();
  return model.graph.outputs.map(({ name }) => {
    const { dims, data } = outputs[name]!;
    return { dims, data: Float32Array.from(data as ArrayLike<number>, Number) };
  });
}

/** Runs the model in TensorFlow.js, in plain JavaScript. */
export async function tfjsOutputs(files: TfjsFiles, feeds: readonly Feed[]): Promise<Feed[]> {
  const { json, weights } = files;
  const handler: io.IOHandler = {
    load: async () => ({
      ...(json as io.ModelArtifacts),
      weightSpecs: json.weightsManifest.flatMap((group) => group.weights) as io.WeightsManifestEntry[],
      weightData: Uint8Array.from(weights).buffer,
    }),
  };
  const inputs = feeds.map(({ data, dims }) =>
    tensor(data, [...dims], data instanceof Int32Array ? 'int32' : 'float32'),
  );
  const one = inputs.length === 1 ? inputs[0]! : inputs;
  const outputs =
    'node' in (json.modelTopology as object)
      ? await (await loadGraphModel(handler)).executeAsync(one)
      : ((await loadLayersModel(handler)).predict(one) as Tensor | Tensor[]);
  const list = Array.isArray(outputs) ? outputs : [outputs];
  return Promise.all(
    list.map(async (output) => ({ dims: output.shape, data: Float32Array.from(await output.data()) })),
  );
}

/** Returns the largest difference, divided by the largest expected value. Infinity for another shape. */
export function relativeError(actual: Feed, expected: Feed): number {
  if (actual.dims.join() !== expected.dims.join()) return Number.POSITIVE_INFINITY;
  let error = 0;
  let largest = 0;
  for (const [i, value] of expected.data.entries()) {
    const difference = Math.abs(actual.data[i]! - value);
    error = Math.max(error, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    largest = Math.max(largest, Math.abs(value));
  }
  return error === 0 ? 0 : error / largest;
}

/** Returns numbers in [−1, 1) from a seed. */
export function randomFeed(seed: number, dims: readonly number[]): Feed {
  const next = randomNumbers(seed);
  const length = dims.reduce((product, dim) => product * dim, 1);
  return { dims, data: Float32Array.from({ length }, () => next() * 2 - 1) };
}

/** Returns a generator of numbers in [0, 1) (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
