import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIntegerDecoder, type Generator, partitionRows } from '@sparewheel/cdc';
import { createDirectEngine, type Engine } from '@sparewheel/engine';
import {
  analyzeLinear,
  type ConstantTensor,
  constantsOf,
  DATA_TYPE,
  detachWeights,
  isCodable,
  type LoadedModel,
  loadLayerConstants,
  type Model,
  NO_EXTERNAL_DATA,
  shapesOf,
  shardModel,
} from '@sparewheel/onnx';
import { generatorOf } from '@sparewheel/planner';
import type { Tensor } from '@sparewheel/protocol';
import type { Benchmark } from './benchmark.ts';
import { interleaved, median, percentile } from './measure.ts';
import { seededWeights } from './seeded-weights.ts';

const SEED = 11;
const TURNS = 21;
const [K, R] = [4, 1];
/** The fully-connected layers of AlexNet that hold most of its weights. */
const LAYERS = [
  { layer: 'fc6', columns: 9216, rows: 4096 },
  { layer: 'fc7', columns: 4096, rows: 4096 },
] as const;

type Kind = 'int8' | 'float32';

/** Compares shards of int8 layers with those of float32 layers, as devices run them, and checks every recovery. */
export const integers: Benchmark = {
  name: 'integers',
  summary: 'time of an int8 data shard ÷ float32, for layers of the size of AlexNet over 4 + 1',
  async run({ log }) {
    const folder = mkdtempSync(join(tmpdir(), 'integers-'));
    const engine = await createDirectEngine();
    const rows = [];
    try {
      for (const { layer, rows: height, columns } of LAYERS) {
        const values = seededWeights(height * columns, SEED);
        const whole = {
          int8: byteProduct(values, columns, height),
          float32: product(values, columns, height),
        };
        const feeds = inputs(columns);
        const bytes: Record<Kind, readonly number[]> = {
          int8: await load(engine, folder, `${layer} int8`, whole.int8),
          float32: await load(engine, folder, `${layer} float32`, whole.float32),
        };
        const run = async (kind: Kind, shard: number) =>
          (await engine.run(`${layer} ${kind} ${shard}`, { x: feeds[kind] })).fetches.y!;
        const compared = await compare(
          (shard) => run('int8', shard),
          await undivided(engine, folder, `${layer} whole`, whole.int8, feeds.int8),
        );
        const times = await interleaved(
          {
            int8Data: () => run('int8', 0),
            int8Parity: () => run('int8', K),
            float32Data: () => run('float32', 0),
            float32Parity: () => run('float32', K),
          },
          { turns: TURNS, callsPerTurn: 5 },
        );
        const ms = Object.fromEntries(
          Object.entries(times).map(([name, each]) => [
            name,
            { p50: median(each), p99: percentile(each, 99) },
          ]),
        );
        const result = {
          layer,
          shape: `${columns}×${height}`,
          bytes: {
            int8: { data: bytes.int8[0]!, parity: bytes.int8[K]! },
            float32: { data: bytes.float32[0]!, parity: bytes.float32[K]! },
          },
          ms,
          dataRatio: median(times.float32Data) / median(times.int8Data),
          parityRatio: median(times.float32Parity) / median(times.int8Parity),
          parityOverData: median(times.int8Parity) / median(times.int8Data),
          ...compared,
        };
        log(
          `${layer}: data shard ${result.dataRatio.toFixed(2)} ×, parity ${result.parityRatio.toFixed(2)} × as fast as float32; ` +
            `${compared.recovered} recovered values, ${compared.different} different`,
        );
        if (compared.different > 0)
          throw new Error(`${layer}: ${compared.different} recovered values differ`);
        rows.push(result);
      }
    } finally {
      await engine.close();
      rmSync(folder, { recursive: true, force: true });
    }
    const value = Math.min(...rows.map(({ dataRatio }) => dataRatio));
    return {
      name: 'integers',
      value,
      unit: '× the speed of a float32 data shard, the slower of fc6 and fc7',
      goal: '≥ 2, and every recovered value equal',
      met: value >= 2,
      details: { seed: SEED, turns: TURNS, k: K, r: R, layers: rows },
    };
  },
};

function byteProduct(values: Float32Array, columns: number, rows: number): Model {
  const data = Int8Array.from(values, (value) => Math.round(127 * value));
  return layerModel('MatMulInteger', columns, rows, data, ['uint8', 'int8', 'int32']);
}

function product(values: Float32Array, columns: number, rows: number): Model {
  return layerModel('MatMul', columns, rows, values, ['float32', 'float32', 'float32']);
}

function layerModel(
  opType: 'MatMul' | 'MatMulInteger',
  columns: number,
  rows: number,
  data: Int8Array | Float32Array,
  [feed, weights, fetch]: readonly [feed: Kind | 'uint8', weights: Kind, fetch: 'float32' | 'int32'],
): Model {
  const value = (name: string, type: keyof typeof DATA_TYPE, dims: number[]) => ({
    name,
    type: { kind: 'tensor', dataType: DATA_TYPE[type], dims } as const,
  });
  const constant: ConstantTensor = {
    name: 'w',
    dims: [columns, rows],
    dataType: DATA_TYPE[weights],
    storage: { kind: 'raw', bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) },
  };
  return {
    irVersion: 8,
    producer: 'sparewheel-bench',
    opsetImports: [{ domain: '', version: 17 }],
    functions: [],
    graph: {
      name: 'layer',
      nodes: [{ name: 'layer', opType, domain: '', inputs: ['x', 'w'], outputs: ['y'], attributes: [] }],
      initializers: [constant],
      sparseInitializers: [],
      inputs: [value('x', feed, [1, columns])],
      outputs: [value('y', fetch, [1, rows])],
      valueInfos: [],
    },
  };
}

function inputs(columns: number): Record<Kind, Tensor> {
  const dims = [1, columns];
  const bytes = Uint8Array.from({ length: columns }, (_, i) => (i * 89) % 256);
  return {
    int8: { type: 'uint8', dims, data: bytes },
    float32: { type: 'float32', dims, data: Float32Array.from(bytes) },
  };
}

/** Divides a model over K + R shards and loads them as devices do. @returns the bytes of the weights by shard */
async function load(engine: Engine, folder: string, key: string, model: Model): Promise<number[]> {
  const loaded: LoadedModel = { model, external: NO_EXTERNAL_DATA };
  const layer = analyzeLinear(model.graph, 0, constantsOf(model.graph), shapesOf(model.graph));
  if (!isCodable(layer)) throw new Error(`${key} cannot be coded`);
  const partition = partitionRows(layer.layout.rows, K);
  const generator = code(layer.integers !== undefined);
  const constants = loadLayerConstants(loaded, layer);
  const bytes: number[] = [];
  for (let shard = 0; shard < K + R; shard++) {
    const part = {
      model: shardModel(loaded, layer, constants, partition, generator, shard),
      external: NO_EXTERNAL_DATA,
    };
    bytes.push(await loadFiles(engine, folder, `${key} ${shard}`, part));
  }
  return bytes;
}

async function loadFiles(engine: Engine, folder: string, key: string, part: LoadedModel): Promise<number> {
  const detached = detachWeights(part);
  const weights = Buffer.concat([...detached.weights()].map((chunk) => Buffer.from(chunk)));
  const location = createHash('sha256').update(weights).digest('hex');
  writeFileSync(join(folder, location), weights);
  const path = join(folder, `${key}.onnx`);
  writeFileSync(path, Buffer.concat(detached.graph(location)));
  await engine.load(key, { kind: 'file', path, externalData: [location] }, { mapped: true });
  return weights.byteLength;
}

function code(integer: boolean): Generator {
  return generatorOf({ dataShards: K, parityShards: R, ...(integer ? { answers: 'int32' } : {}) });
}

async function undivided(engine: Engine, folder: string, key: string, model: Model, x: Tensor) {
  await loadFiles(engine, folder, key, { model, external: NO_EXTERNAL_DATA });
  const { fetches } = await engine.run(key, { x });
  await engine.unload(key);
  return fetches.y!.data as Int32Array;
}

/** Recovers each data shard from the others. @returns how many values, and how many differ from the whole product */
async function compare(run: (shard: number) => Promise<Tensor>, whole: Int32Array) {
  const answers: Int32Array[] = [];
  for (let shard = 0; shard < K + R; shard++) answers.push((await run(shard)).data as Int32Array);
  const { reconstruct } = createIntegerDecoder(code(true));
  const height = whole.length / K;
  let different = 0;
  for (let dead = 0; dead < K; dead++) {
    const found = reconstruct(answers.map((answer, shard) => (shard === dead ? undefined : answer)))[dead]!;
    for (let i = 0; i < height; i++) if (found[i] !== whole[dead * height + i]) different++;
  }
  return { recovered: whole.length, different };
}
