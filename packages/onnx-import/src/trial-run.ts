import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DATA_TYPE,
  type DataTypeName,
  type Graph,
  ModelRejectedError,
  measureSpeed,
  type Speed,
  type ValueInfo,
} from '@sparewheel/onnx';
import { type ProcessorLimit, processorLimit, timeUnderLimit } from '@sparewheel/runtime/processor-limit';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { translateRuntimeError } from './runtime-errors.ts';

export interface Trial {
  /** Type and shape of every tensor that a node computes. */
  readonly values: ReadonlyMap<string, ValueInfo>;
  /** Milliseconds by node name: the median of the runs after the first. */
  readonly nodeMs: ReadonlyMap<string, number>;
  readonly speed: TrialSpeed;
}

/** Speed of this machine when the nodes were timed: the reference for a device's speed. */
export interface TrialSpeed {
  /** With the optimization level of the trial, which does not fuse nodes. */
  readonly trial: Speed;
  /** With the optimization level of serving, which also changes the memory layout of convolutions. */
  readonly served: Speed;
}

/** Timed runs, after one warm-up run. */
const TIMED_RUNS = 3;
/** Limits the time for large models. Fewer runs are accurate enough for them. */
const TIME_LIMIT_MS = 1500;

/** Returns element i of a trial input of real numbers. */
type RealInput = (i: number) => number;
const FIRST_INPUT: RealInput = (i) => Math.sin(i);
/** Differs from the first in sign, size and order of its elements. */
const SECOND_INPUT: RealInput = (i) => 3 * Math.cos(1.3 * i) - 1;

const REAL_TYPES: ReadonlySet<number> = new Set([DATA_TYPE.float32, DATA_TYPE.float64]);

/** Elements of one tensor: 512 MB of float32, eight times the limit of a message. */
const VALUE_ELEMENTS_LIMIT = 2 ** 27;

const SESSION = {
  graphOptimizationLevel: 'disabled',
  executionMode: 'sequential',
  intraOpNumThreads: 1,
  logSeverityLevel: 4,
  // Maps weights from their file, as devices do, instead of copying them into another layout.
  extra: { session: { disable_prepacking: '1' } },
} as const;

/**
 * Runs a model once with every computed tensor as an output, to find types and shapes, and then a few times
 * unchanged, to time its nodes.
 * @param tracePath  model file with every computed tensor among its outputs
 * @param modelPath  model file
 * @param scratch    directory for the time profile
 * @throws {ModelRejectedError} DOES_NOT_RUN, TOO_LARGE, or the code of a load error
 */
export async function trialRun(
  graph: Graph,
  tracePath: string,
  modelPath: string,
  scratch: string,
): Promise<Trial> {
  const values = await traceValues(graph, tracePath);
  const limit = await processorLimit();
  // The reference: times and speed of this machine as if there were no limit. Serving is slower under it.
  const unlimited = limit && { ...limit, cores: Number.POSITIVE_INFINITY };
  const nodeMs = await timeNodes(graph, modelPath, scratch, unlimited);
  const speed = {
    trial: await measureSpeed((bytes) =>
      calibrate(bytes, { ...SESSION, graphOptimizationLevel: 'basic' }, unlimited),
    ),
    served: await measureSpeed((bytes) =>
      calibrate(bytes, { ...SESSION, graphOptimizationLevel: 'all' }, limit),
    ),
  };
  return { values, nodeMs, speed };
}

async function calibrate(
  model: Uint8Array,
  options: InferenceSession.SessionOptions,
  limit: ProcessorLimit | null,
) {
  const session = await InferenceSession.create(model, options);
  return {
    run: ({ dims, data }: { dims: readonly number[]; data: Float32Array }) =>
      timeUnderLimit(limit, 1, async () => {
        const started = performance.now();
        await session.run({ x: new Tensor('float32', data, dims) });
        return performance.now() - started;
      }),
    close: () => session.release(),
  };
}

/** Returns the names of all tensors that the graph's nodes compute. */
export function computedNames(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => node.outputs.filter((name) => name !== ''));
}

async function traceValues(graph: Graph, path: string): Promise<Map<string, ValueInfo>> {
  const session = await create(path, SESSION);
  try {
    for (const { name, type } of graph.inputs) {
      if (type?.kind === 'tensor') checkSize(name, (type.dims ?? []) as number[]);
    }
    // Sequences, maps and rare types cannot be sent. A plan keeps their producers and consumers together.
    const fetches = session.outputMetadata
      .filter((value) => value.isTensor && value.type in DATA_TYPE)
      .map((value) => value.name);
    for (const value of session.outputMetadata) if (value.isTensor) checkSize(value.name, value.shape);
    const values = new Map<string, ValueInfo>();
    for (const [name, value] of Object.entries(await run(session, graph, fetches, FIRST_INPUT))) {
      const { type, dims } = value as Tensor;
      values.set(name, { name, type: { kind: 'tensor', dataType: DATA_TYPE[type as DataTypeName], dims } });
    }
    const uncertain = session.outputMetadata.filter(
      (value) =>
        values.has(value.name) && value.isTensor && value.shape.some((dim) => typeof dim !== 'number'),
    );
    if (uncertain.length > 0) await findDataDependence(session, graph, values);
    return values;
  } finally {
    await session.release();
  }
}

/** Rejects a huge shape before ONNX Runtime allocates it. A bad attribute (padding by 2³¹) can cause one. */
function checkSize(name: string, shape: readonly (number | string)[]): void {
  const count = shape.reduce<number>(
    (product, dim) => product * (typeof dim === 'number' ? Math.abs(dim) : 1),
    1,
  );
  if (count <= VALUE_ELEMENTS_LIMIT) return;
  throw new ModelRejectedError(
    'TOO_LARGE',
    `the tensor "${name}" of shape [${shape.join(', ')}] has ${count} elements; the limit is ${VALUE_ELEMENTS_LIMIT}`,
    'check the padding and shapes of the model, or set smaller input dimensions',
  );
}

/**
 * Finds dimensions that depend on input values, as in NonZero, and marks them dynamic. A dimension is dynamic
 * if a second input gives it another size.
 */
async function findDataDependence(
  session: InferenceSession,
  graph: Graph,
  values: Map<string, ValueInfo>,
): Promise<void> {
  for (const [name, value] of Object.entries(await run(session, graph, [...values.keys()], SECOND_INPUT))) {
    const before = values.get(name)!.type;
    if (before?.kind !== 'tensor' || !before.dims) continue;
    const { dims } = value as Tensor;
    const type =
      dims.length === before.dims.length
        ? { ...before, dims: before.dims.map((dim, axis) => (dim === dims[axis] ? dim : null)) }
        : ({ kind: 'tensor', dataType: before.dataType } as const);
    values.set(name, { name, type });
  }
}

async function timeNodes(
  graph: Graph,
  path: string,
  scratch: string,
  unlimited: ProcessorLimit | null,
): Promise<Map<string, number>> {
  const session = await create(path, {
    ...SESSION,
    enableProfiling: true,
    profileFilePrefix: join(scratch, 'profile'),
  });
  const outputs = graph.outputs.map((output) => output.name);
  let bestMs = Number.POSITIVE_INFINITY;
  try {
    const started = performance.now();
    for (let i = 0; i <= TIMED_RUNS && performance.now() - started < TIME_LIMIT_MS; i++) {
      const ms = await timeUnderLimit(unlimited, 1, async () => {
        const runStarted = performance.now();
        await run(session, graph, outputs, FIRST_INPUT);
        return performance.now() - runStarted;
      });
      bestMs = Math.min(bestMs, ms);
    }
    session.endProfiling();
  } finally {
    await session.release();
  }
  const file = readdirSync(scratch).find((name) => name.startsWith('profile'));
  const times = file ? kernelTimes(readFileSync(join(scratch, file), 'utf8')) : new Map<string, number>();
  return unlimited ? scaledTo(bestMs, times) : times;
}

/**
 * Scales times down to a total. Under a limit of processor time the nodes' times include the pauses of the process; the
 * processor time of a run does not.
 */
function scaledTo(totalMs: number, times: ReadonlyMap<string, number>): Map<string, number> {
  const sum = [...times.values()].reduce((all, ms) => all + ms, 0);
  const factor = Math.min(1, totalMs / sum);
  return new Map([...times].map(([node, ms]) => [node, ms * factor]));
}

/**
 * Reads the median kernel time per node from ONNX Runtime's profile. Skips the first run if there are others.
 */
function kernelTimes(profile: string): Map<string, number> {
  const samples = new Map<string, number[]>();
  for (const event of JSON.parse(profile) as { name?: string; cat?: string; dur?: number }[]) {
    if (event.cat !== 'Node' || event.dur === undefined || !event.name?.endsWith('_kernel_time')) continue;
    const node = event.name.slice(0, -'_kernel_time'.length);
    const list = samples.get(node);
    if (list) list.push(event.dur);
    else samples.set(node, [event.dur]);
  }
  return new Map(
    [...samples].map(([node, durations]) => {
      const warm = (durations.length > 1 ? durations.slice(1) : durations).sort((a, b) => a - b);
      return [node, warm[warm.length >> 1]! / 1000];
    }),
  );
}

async function create(path: string, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(path, options);
  } catch (error) {
    throw translateRuntimeError(error, 'load');
  }
}

async function run(
  session: InferenceSession,
  graph: Graph,
  fetches: readonly string[],
  real: RealInput,
): Promise<InferenceSession.OnnxValueMapType> {
  // Integers may be indices or lengths: 0 is valid for an index, 1 for a length.
  const hasIntegers = graph.inputs.some(
    ({ type }) => type?.kind === 'tensor' && !REAL_TYPES.has(type.dataType),
  );
  let failure: unknown;
  for (const integer of hasIntegers ? ([0, 1] as const) : ([0] as const)) {
    try {
      return await session.run(trialFeeds(graph, real, integer), fetches);
    } catch (error) {
      failure ??= error;
    }
  }
  throw translateRuntimeError(failure, 'run');
}

/** Creates a feed for every input of the graph. */
function trialFeeds(graph: Graph, real: RealInput, integer: 0 | 1): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const { name, type } of graph.inputs) {
    if (type?.kind !== 'tensor') continue;
    const dims = (type.dims ?? []) as number[];
    const count = dims.reduce((product, dim) => product * dim, 1);
    feeds[name] = trialTensor(type.dataType, dims, count, real, integer);
  }
  return feeds;
}

/** Period of a trial input. It is prime, so that the rows of an image differ. */
const PERIOD = 4093;

function fillRepeating<T extends Float32Array | Float64Array>(data: T, real: RealInput): T {
  for (let i = 0; i < Math.min(PERIOD, data.length); i++) data[i] = real(i);
  for (let done = PERIOD; done < data.length; done *= 2) data.copyWithin(done, 0, done);
  return data;
}

function trialTensor(
  dataType: number,
  dims: number[],
  count: number,
  real: RealInput,
  integer: 0 | 1,
): Tensor {
  switch (dataType) {
    case DATA_TYPE.float32:
      return new Tensor('float32', fillRepeating(new Float32Array(count), real), dims);
    case DATA_TYPE.float64:
      return new Tensor('float64', fillRepeating(new Float64Array(count), real), dims);
    case DATA_TYPE.int64:
      return new Tensor('int64', new BigInt64Array(count).fill(BigInt(integer)), dims);
    case DATA_TYPE.uint64:
      return new Tensor('uint64', new BigUint64Array(count).fill(BigInt(integer)), dims);
    case DATA_TYPE.int32:
      return new Tensor('int32', new Int32Array(count).fill(integer), dims);
    case DATA_TYPE.uint32:
      return new Tensor('uint32', new Uint32Array(count).fill(integer), dims);
    case DATA_TYPE.int16:
      return new Tensor('int16', new Int16Array(count).fill(integer), dims);
    case DATA_TYPE.uint16:
      return new Tensor('uint16', new Uint16Array(count).fill(integer), dims);
    case DATA_TYPE.int8:
      return new Tensor('int8', new Int8Array(count).fill(integer), dims);
    case DATA_TYPE.uint8:
      return new Tensor('uint8', new Uint8Array(count).fill(integer), dims);
    default:
      return new Tensor('bool', new Uint8Array(count).fill(integer), dims);
  }
}
