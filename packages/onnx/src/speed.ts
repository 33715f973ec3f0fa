import { DATA_TYPE, type Model, type Node, type ValueInfo } from './model.ts';
import { joinChunks, writeModel } from './writer.ts';

/** Speed of one thread of ONNX Runtime on a machine. */
export interface Speed {
  /** Bounds convolutions. */
  readonly multiplyAddsPerSecond: number;
  /** Weights read by a matrix-vector product. Bounds fully-connected layers. */
  readonly memoryBytesPerSecond: number;
}

/** A session on a calibration model, which has one input, `x`. */
export interface CalibrationSession {
  /** Returns the milliseconds of one run. */
  run(x: { readonly dims: readonly number[]; readonly data: Float32Array }): Promise<number>;
  close(): Promise<void>;
}

/** Identifies the method. Change it with the method: speeds of different methods must not be compared. */
export const SPEED_METHOD = 'conv 128, matrix 32 MB';

/** A convolution of a few milliseconds. In a shorter one, the overhead of a run would dominate. */
const CHANNELS = 128;
const PIXELS = 28;
/**
 * 32 MB of weights: too large for most caches, small enough for a small device. A server reads 16 MB from its
 * cache twice as fast as weights that a model reads once per request.
 */
const ROWS = 2048;
const COLUMNS = 4096;
/** Runs per model. The fastest counts, because interference only slows a run. */
const RUNS = 20;
/** Time limit per model, for slow devices. */
const BUDGET_MS = 100;

/**
 * Measures a convolution and a matrix-vector product. Takes about 150 ms on a small server.
 * @param open  opens a session on a model given as bytes
 */
export async function measureSpeed(open: (model: Uint8Array) => Promise<CalibrationSession>): Promise<Speed> {
  const image = [1, CHANNELS, PIXELS, PIXELS];
  const convolution = calibrationModel([CHANNELS, CHANNELS, 3, 3], image, {
    opType: 'Conv',
    attributes: [{ name: 'pads', kind: 'ints', value: [1n, 1n, 1n, 1n] }],
  });
  const product = calibrationModel([COLUMNS, ROWS], [1, COLUMNS], { opType: 'MatMul', attributes: [] });
  const computeMs = await bestMs(await open(convolution), image);
  const memoryMs = await bestMs(await open(product), [1, COLUMNS]);
  return {
    multiplyAddsPerSecond: (CHANNELS * CHANNELS * 9 * PIXELS * PIXELS * 1000) / computeMs,
    memoryBytesPerSecond: (4 * ROWS * COLUMNS * 1000) / memoryMs,
  };
}

async function bestMs(session: CalibrationSession, dims: readonly number[]): Promise<number> {
  const x = { dims, data: new Float32Array(dims.reduce((product, dim) => product * dim, 1)).fill(0.5) };
  try {
    // The first run allocates memory and loads the weights.
    await session.run(x);
    let best = Number.POSITIVE_INFINITY;
    let spent = 0;
    for (let i = 0; i < RUNS && (i === 0 || spent < BUDGET_MS); i++) {
      const ms = await session.run(x);
      best = Math.min(best, ms);
      spent += ms;
    }
    // Some browsers' clocks are too coarse for one run and return 0.
    return Math.max(best, 0.01);
  } finally {
    await session.close();
  }
}

/** Creates a tiny model of one operator. ONNX Runtime fills in constant weights when it loads the model. */
function calibrationModel(
  weights: readonly number[],
  input: readonly number[],
  operator: Pick<Node, 'opType' | 'attributes'>,
): Uint8Array {
  const value = (name: string, dims?: readonly number[]): ValueInfo => ({
    name,
    type: { kind: 'tensor', dataType: DATA_TYPE.float32, ...(dims ? { dims } : {}) },
  });
  const fill = new Uint8Array(Float32Array.of(0.01).buffer);
  const model: Model = {
    irVersion: 8,
    producer: 'sparewheel',
    opsetImports: [{ domain: '', version: 13 }],
    functions: [],
    graph: {
      name: 'calibration',
      nodes: [
        {
          name: 'fill',
          opType: 'ConstantOfShape',
          domain: '',
          inputs: ['shape'],
          outputs: ['w'],
          attributes: [
            {
              name: 'value',
              kind: 'tensor',
              value: {
                name: '',
                dims: [1],
                dataType: DATA_TYPE.float32,
                storage: { kind: 'raw', bytes: fill },
              },
            },
          ],
        },
        { name: 'layer', domain: '', inputs: ['x', 'w'], outputs: ['y'], ...operator },
      ],
      initializers: [
        {
          name: 'shape',
          dims: [weights.length],
          dataType: DATA_TYPE.int64,
          storage: { kind: 'raw', bytes: new Uint8Array(BigInt64Array.from(weights, BigInt).buffer) },
        },
      ],
      sparseInitializers: [],
      inputs: [value('x', input)],
      outputs: [value('y')],
      valueInfos: [],
    },
  };
  return joinChunks(writeModel(model));
}
