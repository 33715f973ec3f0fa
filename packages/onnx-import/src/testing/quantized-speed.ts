/**
 * Prints the time of undivided quantized layers: the original file in plain ONNX Runtime, and its canonical form. One
 * thread, all optimizations, the two in turns; the fastest of 41 turns, because other programs only make a run slower. `npx tsx packages/onnx-import/src/testing/quantized-speed.ts`
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConstantTensor, DATA_TYPE, type Model, type Node, writeModel } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { canonicalize } from '../canonical.ts';

const TURNS = 41;
const WIDTH = 4096;
const CHANNELS = 64;
const SIZE = 56;
const VECTOR = [1, WIDTH];
const IMAGE = [1, CHANNELS, SIZE, SIZE];

function bytes(name: string, type: 'int8' | 'uint8', dims: readonly number[], fill?: number): ConstantTensor {
  const length = dims.reduce((product, dim) => product * dim, 1);
  const data = Int8Array.from({ length }, (_, i) => fill ?? ((i * i * 89 + i) % 255) - 127);
  return {
    name,
    dims,
    dataType: DATA_TYPE[type],
    storage: { kind: 'raw', bytes: new Uint8Array(data.buffer) },
  };
}

const PADS = [{ name: 'pads', kind: 'ints', value: [1n, 1n, 1n, 1n] } as const];
const quantization = [
  floats('xs', [], [0.01]),
  bytes('xz', 'uint8', [], -128),
  floats('ws', [], [0.002]),
  bytes('wz', 'int8', [], 0),
  floats('ys', [], [0.5]),
];
const dense = bytes('w', 'int8', [WIDTH, WIDTH]);
const filters = bytes('w', 'int8', [CHANNELS, CHANNELS, 3, 3]);

function network(dims: readonly number[], weights: ConstantTensor, nodes: Node[]): Model {
  return model({
    inputs: [value('x', dims)],
    initializers: [...quantization, weights],
    nodes,
    outputs: [value('y', dims)],
  });
}

const dynamic = (product: Node) => [
  node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']),
  product,
  node('Cast', ['i'], ['c'], [{ name: 'to', kind: 'int', value: 1n }]),
  node('Mul', ['s', 'ws'], ['m']),
  node('Mul', ['c', 'm'], ['y']),
];
const quantizeInput = node('QuantizeLinear', ['x', 'xs', 'xz'], ['q']);
const dequantizeOutput = node('DequantizeLinear', ['o', 'ys', 'xz'], ['y']);
const between = (layer: Node) => [
  quantizeInput,
  node('DequantizeLinear', ['q', 'xs', 'xz'], ['d']),
  node('DequantizeLinear', ['w', 'ws', 'wz'], ['wd']),
  layer,
  node('QuantizeLinear', ['f', 'ys', 'xz'], ['o']),
  dequantizeOutput,
];

const NETWORKS: readonly (readonly [string, readonly number[], Model])[] = [
  [
    'MatMulInteger, dynamic',
    VECTOR,
    network(VECTOR, dense, dynamic(node('MatMulInteger', ['q', 'w', 'z'], ['i']))),
  ],
  ['Gemm between QDQ nodes', VECTOR, network(VECTOR, dense, between(node('Gemm', ['d', 'wd'], ['f'])))],
  [
    'ConvInteger, dynamic',
    IMAGE,
    network(IMAGE, filters, dynamic(node('ConvInteger', ['q', 'w', 'z'], ['i'], PADS))),
  ],
  [
    'QLinearConv',
    IMAGE,
    network(IMAGE, filters, [
      quantizeInput,
      node('QLinearConv', ['q', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'xz'], ['o'], PADS),
      dequantizeOutput,
    ]),
  ],
  ['Conv between QDQ nodes', IMAGE, network(IMAGE, filters, between(node('Conv', ['d', 'wd'], ['f'], PADS)))],
];

async function measure(whole: Model, dims: readonly number[], folder: string) {
  const original = join(folder, 'original.onnx');
  writeFileSync(original, Buffer.concat(writeModel(whole)));
  const { graph } = await canonicalize({
    modelPath: original,
    scratchDirectory: folder,
    outputDirectory: join(folder, 'canonical'),
  });
  const options = { intraOpNumThreads: 1, logSeverityLevel: 4 } as const;
  const length = dims.reduce((product, dim) => product * dim, 1);
  const x = new Tensor(
    'float32',
    Float32Array.from({ length }, (_, i) => Math.sin(i * i)),
    dims,
  );
  const sessions = [
    await InferenceSession.create(original, options),
    await InferenceSession.create(graph.path, options),
  ];
  const times: number[][] = [[], []];
  const outputs: Float32Array[] = [];
  for (let turn = -3; turn < TURNS; turn++) {
    for (const [index, session] of sessions.entries()) {
      const startedAt = performance.now();
      const { y } = await session.run({ x });
      if (turn >= 0) times[index]!.push(performance.now() - startedAt);
      outputs[index] = y!.data as Float32Array;
    }
  }
  for (const session of sessions) await session.release();
  const [before, after] = times.map((each) => Math.min(...each));
  const different = outputs[0]!.filter((output, i) => output !== outputs[1]![i]).length;
  return { before: before!, after: after!, different };
}

console.log('| layer | original, ms | canonical, ms | ratio | different outputs |');
console.log('|---|---|---|---|---|');
for (const [name, dims, whole] of NETWORKS) {
  const folder = mkdtempSync(join(tmpdir(), 'quantized-speed-'));
  try {
    const { before, after, different } = await measure(whole, dims, folder);
    const ratio = (after / before).toFixed(2);
    console.log(`| ${name} | ${before.toFixed(2)} | ${after.toFixed(2)} | ${ratio} | ${different} |`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
