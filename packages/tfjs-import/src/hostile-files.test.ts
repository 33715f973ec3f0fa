import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { convertTfjsFiles } from './index.ts';
import { convert, randomNumbers, saved, type TfjsFiles } from './testing/compare.ts';
import { attr, constant, floats, graphFiles, ints, node, placeholder } from './testing/graph.ts';

const ones = attr.list([1, 1, 1, 1]);
const graph = (): TfjsFiles =>
  graphFiles({
    inputs: [placeholder('x', [-1, 6, 6, 2])],
    nodes: [
      constant('w', floats([3, 3, 2, 4], new Float32Array(72))),
      constant('axis', ints([], [3])),
      constant('shape', ints([2], [-1, 24])),
      constant('begin', ints([2], [0, 1])),
      constant('end', ints([2], [0, 5])),
      constant('strides', ints([2], [1, 2])),
      node('conv', 'Conv2D', ['x', 'w'], { strides: ones, dilations: ones, padding: attr.s('SAME') }),
      node('pool', 'MaxPool', ['conv'], { strides: ones, ksize: ones, padding: attr.s('VALID') }),
      node('split', 'Split', ['axis', 'pool'], { num_split: attr.i(2) }),
      node('join', 'ConcatV2', ['split:1', 'split', 'axis']),
      node('flat', 'Reshape', ['join', 'shape']),
      node('cut', 'StridedSlice', ['flat', 'begin', 'end', 'strides'], {
        begin_mask: attr.i(1),
        end_mask: attr.i(1),
      }),
      node('y', 'Softmax', ['cut']),
    ],
    signature: { inputs: { x: { name: 'x:0' } }, outputs: { y: { name: 'y:0' } } },
  });

const layersModel = () =>
  saved(
    sequential({
      layers: [
        layers.conv2d({ filters: 3, kernelSize: 3, inputShape: [8, 8, 2], activation: 'relu' }),
        layers.batchNormalization({}),
        layers.zeroPadding2d({ padding: 1 }),
        layers.flatten(),
        layers.reshape({ targetShape: [8, 24] }),
        layers.globalAveragePooling1d(),
        layers.dense({ units: 2, activation: 'softmax' }),
      ],
    }),
  );

/** Values that a hostile file may have at any place. */
const GARBAGE: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  3,
  0.5,
  1e308,
  2 ** 40,
  '',
  'x',
  '-1',
  '99999999999',
  'SAME',
  [],
  [[]],
  [null],
  {},
  { list: {} },
  { i: '7' },
  { i: 'NaN' },
  { s: 'U0FNRQ==' },
  { shape: { dim: [{ size: '-5' }] } },
  ['x'],
  'y',
  '__proto__',
  'constructor',
  [2, 3],
  [-1, -1],
  'Sequential',
  'Model',
  'Flatten',
  'DT_STRING',
  'w',
  'axis',
];

/** Changes up to three values of a JSON file at random places. */
function mutated(json: unknown, next: () => number): unknown {
  const copy = structuredClone(json) as Record<string, unknown>;
  for (let changes = 1 + Math.floor(next() * 3); changes > 0; changes--) {
    let parent: Record<string, unknown> = copy;
    for (;;) {
      const keys = Object.keys(parent);
      if (keys.length === 0) break;
      const key = keys[Math.floor(next() * keys.length)]!;
      const value = parent[key];
      if (typeof value === 'object' && value !== null && next() < 0.85) {
        parent = value as Record<string, unknown>;
        continue;
      }
      const change = next();
      if (change < 0.25) delete parent[key];
      else if (change < 0.4 && Array.isArray(parent)) parent.push(structuredClone(value));
      else parent[key] = structuredClone(GARBAGE[Math.floor(next() * GARBAGE.length)]);
      break;
    }
  }
  // As text, because a deleted element of an array is null in a file.
  return JSON.parse(JSON.stringify(copy));
}

describe('a damaged model.json', () => {
  const rounds = Number(process.env.TFJS_FUZZ ?? 1500);
  const first = Number(process.env.TFJS_FUZZ_SEED ?? 1);

  test.each([
    ['graph model', graph],
    ['layers model', layersModel],
  ] as const)('is converted, or rejected in one sentence: %s', async (_what, make) => {
    const files = await make();
    let rejected = 0;
    for (let seed = first; seed < first + rounds; seed++) {
      const json = mutated(files.json, randomNumbers(seed)) as TfjsFiles['json'];
      try {
        convert({ ...files, json });
      } catch (error) {
        const { name, message } = error as Error;
        expect(`seed ${seed}: ${name}`, (error as Error).stack).toBe(`seed ${seed}: ModelRejectedError`);
        expect(message.length).toBeLessThan(2500);
        rejected++;
      }
    }
    // Most changes break the model; some do not matter.
    expect(rejected).toBeGreaterThan(rounds / 10);
    expect(rejected).toBeLessThan(rounds);
  });

  it('may not nest models without a bound', async () => {
    const files = await layersModel();
    let model = files.json.modelTopology as { class_name: string; config: unknown };
    for (let depth = 0; depth < 500; depth++) {
      model = { class_name: 'Sequential', config: { name: `s${depth}`, layers: [model] } };
    }
    expect(() => convert({ ...files, json: { ...files.json, modelTopology: model } })).toThrow(
      'the model has more than 16 models inside each other',
    );
  });

  it('may not call models an exponential number of times', () => {
    const input = {
      class_name: 'InputLayer',
      name: 'i',
      config: { batch_input_shape: [null, 4] },
      inbound_nodes: [],
    };
    let inner: unknown = { class_name: 'ReLU', name: 'l', config: {} };
    for (let depth = 0; depth < 15; depth++) {
      const calls = Array.from({ length: 4 }, (_, call) => [
        [call === 0 ? 'i' : 'l', Math.max(0, call - 1), 0, {}],
      ]);
      const config = {
        layers: [input, { ...(inner as object), name: 'l', inbound_nodes: calls }],
        input_layers: [['i', 0, 0]],
        output_layers: [['l', 3, 0]],
      };
      inner = { class_name: 'Model', config };
    }
    const json = { modelTopology: { ...(inner as object), name: 'top' }, weightsManifest: [] };
    expect(() => convert({ json, weights: new Uint8Array() })).toThrow(
      'the model has more than 20000 layers',
    );
  });
});

describe('files of an upload', () => {
  let directory: string;
  const write = (name: string, bytes: string | Uint8Array) => {
    const path = join(directory, name);
    writeFileSync(path, bytes);
    return path;
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tfjs-files-'));
    mkdirSync(join(directory, 'out'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const convertFiles = (...paths: string[]) => convertTfjsFiles(paths, join(directory, 'out'));

  it('are found by name, also without their folder', () => {
    const { json, weights } = graph();
    json.weightsManifest[0]!.paths = ['./shards/weights.bin'];
    write('weights.bin', weights);
    const model = write('model.json', JSON.stringify(json));
    const metadata = write('metadata.json', '{"labels": ["a"]}');
    expect(readFileSync(convertFiles(metadata, model)).includes('sparewheel-tfjs')).toBe(true);
  });

  it.each([
    ['no JSON', '{"modelTopology": ', 'the file "model.json" is not valid JSON'],
    ['another JSON file', '[1, 2]', 'it has no modelTopology or weightsManifest'],
    ['deep nesting', '['.repeat(1_000_000), 'is not valid JSON'],
    [
      'deep objects',
      `${'{"modelTopology":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
      'it has no modelTopology',
    ],
    ['too many bytes', ' '.repeat(17 * 2 ** 20), 'the limit is 16777216'],
  ])('that are %s are rejected in one sentence', (_what, text, message) => {
    const path = write('model.json', text);
    expect(() => convertFiles(path)).toThrow(message);
  });

  it('may not lie outside of their directory', () => {
    const { json, weights } = graph();
    writeFileSync(join(directory, 'secret.bin'), weights);
    mkdirSync(join(directory, 'in'));
    json.weightsManifest[0]!.paths = ['../secret.bin'];
    const path = write('in/model.json', JSON.stringify(json));
    expect(() => convertFiles(path)).toThrow('the weight file "../secret.bin" is missing');
  });

  it('may hold exactly one model', () => {
    const text = JSON.stringify(graph().json);
    const paths = [write('a.json', text), write('b.json', text)];
    expect(() => convertFiles(...paths)).toThrow('the upload has 2 TensorFlow.js models');
  });
});
