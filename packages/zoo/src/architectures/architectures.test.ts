import { joinChunks, type Model, writeModel } from '@sparewheel/onnx';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import type { WeightSource } from '../graph-builder.ts';
import { seededRandom } from '../random.ts';
import { seededWeights, zooModels } from '../zoo-models.ts';
import { alexnet } from './alexnet.ts';
import { c3d } from './c3d.ts';
import { inceptionV3 } from './inception-v3.ts';
import { twoStream } from './two-stream.ts';
import { vgg16 } from './vgg16.ts';

const SEED = 17;
/**
 * Allowed root mean square of a linear layer's output. He initialization keeps it near √2; max pools raise it
 * and average pools lower it a little. Outside this band, deeper layers would lose precision in float32.
 */
const SANE = { low: 0.2, high: 10 };

/** For tests that check only shapes. Pages of a zeroed array that are never touched use no memory. */
const noWeights: WeightSource = (_name, dims) => new Float32Array(dims.reduce((size, dim) => size * dim, 1));

/** Declares the output of every linear layer as an output of the graph. */
function withLayerOutputs(model: Model): { model: Model; layers: string[] } {
  const layers = model.graph.nodes
    .filter(({ opType }) => opType === 'Conv' || opType === 'Gemm')
    .map(({ outputs }) => outputs[0]!);
  return {
    model: { ...model, graph: { ...model.graph, outputs: layers.map((name) => ({ name })) } },
    layers,
  };
}

async function run(model: Model): Promise<InferenceSession.OnnxValueMapType> {
  const session = await InferenceSession.create(joinChunks(writeModel(model)), { intraOpNumThreads: 1 });
  const random = seededRandom(SEED);
  const feeds: Record<string, Tensor> = {};
  for (const { name, type } of model.graph.inputs) {
    const dims = type?.kind === 'tensor' ? (type.dims as number[]) : [];
    const values = Float32Array.from({ length: dims.reduce((size, dim) => size * dim, 1) }, () =>
      random.normal(),
    );
    feeds[name] = new Tensor('float32', values, dims);
  }
  const results = await session.run(feeds);
  await session.release();
  return results;
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** Slow networks use smaller images or fewer units; their layers are the same. */
const CASES = [
  { name: 'alexnet', build: () => alexnet(seededWeights(SEED)), linear: 8, classes: 1000 },
  { name: 'vgg16', build: () => vgg16(seededWeights(SEED), 32), linear: 16, classes: 1000 },
  { name: 'inception-v3', build: () => inceptionV3(seededWeights(SEED), 107), linear: 95, classes: 1000 },
  { name: 'c3d', build: () => c3d(seededWeights(SEED), 32), linear: 11, classes: 487 },
  { name: 'two-stream', build: () => twoStream(seededWeights(SEED), 512), linear: 11, classes: 51 },
];

describe.each(CASES)('$name', ({ name, build, linear, classes }) => {
  test('runs in ONNX Runtime without vanishing or exploding activations', async () => {
    const { model, layers } = withLayerOutputs(build());
    expect(layers).toHaveLength(linear);
    const results = await run(model);
    for (const layer of layers) {
      const scale = rootMeanSquare(results[layer]!.data as Float32Array);
      expect(scale, layer).toBeGreaterThan(SANE.low);
      expect(scale, layer).toBeLessThan(SANE.high);
    }
    expect(results.logits!.dims).toEqual([1, classes]);
  });

  test('has the number of parameters that the zoo lists', () => {
    const builders = { alexnet, vgg16, 'inception-v3': inceptionV3, c3d, 'two-stream': twoStream };
    const { graph } = builders[name as keyof typeof builders](noWeights);
    const floats = graph.initializers.filter(({ dataType }) => dataType === 1);
    const parameters = floats.reduce((sum, { dims }) => sum + dims.reduce((size, dim) => size * dim, 1), 0);
    expect(parameters).toBe(zooModels.find((model) => model.name === name)!.parameters);
  });
});

test('detects vanishing activations when the weights are too small (negative control)', async () => {
  const seeded = seededWeights(SEED);
  const faint: WeightSource = (name, dims, fanIn) => seeded(name, dims, fanIn).map((value) => value * 0.3);
  const { model } = withLayerOutputs(vgg16(faint, 32));
  const results = await run(model);
  expect(rootMeanSquare(results.logits!.data as Float32Array)).toBeLessThan(SANE.low);
});

test('builds the same bytes for the same seed', () => {
  const bytes = () => joinChunks(writeModel(twoStream(seededWeights(SEED), 32)));
  expect(Buffer.from(bytes()).equals(Buffer.from(bytes()))).toBe(true);
});
