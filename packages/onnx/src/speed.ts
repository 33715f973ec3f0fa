import { DATA_TYPE, type Model, type Node, type ValueInfo } from './model.ts';
import { joinChunks, writeModel } from './writer.ts';

/** How fast one thread of ONNX Runtime is on a machine: what bounds wide convolutions, and what bounds wide layers. */
export interface Speed {
  readonly multiplyAddsPerSecond: number;
  /** Bytes of weights that a matrix-vector product goes through. */
  readonly memoryBytesPerSecond: number;
}

/** A session over one of the calibration models; both have one input, `x`. */
export interface CalibrationSession {
  /** @returns milliseconds of one run */
  run(x: { readonly dims: readonly number[]; readonly data: Float32Array }): Promise<number>;
  close(): Promise<void>;
}

/** Changes with what is measured here: figures of different methods are not compared. */
export const SPEED_METHOD = 'conv 128, matrix 32 MB';

/** A convolution of some milliseconds: in shorter ones what comes before and after it counts for as much. */
const CHANNELS = 128;
const PIXELS = 28;
/**
 * 32 MB of weights: more than most caches hold (16 MB are read from a server's twice as fast as what a model reads only once
 * per request), little enough for a small device.
 */
const ROWS = 2048;
const COLUMNS = 4096;
/** The best of so many runs counts: the others were disturbed. */
const RUNS = 20;
/** A slow device stops earlier. */
const BUDGET_MS = 100;

/**
 * Measures by a convolution and a matrix-vector product, some 150 ms together on a small server.
 * @param open  makes a session of a model given as bytes
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
    // The first run touches everything for the first time.
    await session.run(x);
    let best = Number.POSITIVE_INFINITY;
    let spent = 0;
    for (let i = 0; i < RUNS && (i === 0 || spent < BUDGET_MS); i++) {
      const ms = await session.run(x);
      best = Math.min(best, ms);
      spent += ms;
    }
    // A clock that is too coarse for one run, as some browsers' are.
    return Math.max(best, 0.01);
  } finally {
    await session.close();
  }
}

/** One operator with made-up weights, which ONNX Runtime fills in when it loads the model: the file is tiny. */
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
