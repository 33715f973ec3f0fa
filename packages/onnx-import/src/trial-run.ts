import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Graph, measureSpeed, type Speed, type ValueInfo } from '@sparewheel/onnx';
import { type ProcessorLimit, processorLimit, timeUnderLimit } from '@sparewheel/runtime/processor-limit';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { FreeShapes, Sizes } from './free-dimensions.ts';
import type { DimensionValues } from './graph-rewrites.ts';
import { type Fixes, traceShapes } from './trace-shapes.ts';
import { FIRST_INPUT, runTrial } from './trial-feeds.ts';
import { createSession, TRIAL_SESSION } from './trial-session.ts';

export interface Trial {
  /** Type and shape of every tensor that a node computes. */
  readonly values: ReadonlyMap<string, ValueInfo>;
  /** Milliseconds by node name: the median of the runs after the first. */
  readonly nodeMs: ReadonlyMap<string, number>;
  readonly speed: TrialSpeed;
  readonly free: FreeShapes;
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

/**
 * Runs a model once with every computed tensor as an output, to find types and shapes, and then a few times
 * unchanged, to time its nodes. If it has free dimensions, also runs it with larger sizes.
 * @param tracePath  model file with every computed tensor among its outputs
 * @param modelPath  model file
 * @param scratch    directory for the time profile
 * @param values     hints and limits for free dimensions
 * @throws {ModelRejectedError} DOES_NOT_RUN, TOO_LARGE, or the code of a load error
 */
export async function trialRun(
  graph: Graph,
  tracePath: string,
  modelPath: string,
  scratch: string,
  values: DimensionValues,
): Promise<Trial | Fixes> {
  const traced = await traceShapes(graph, tracePath, values);
  if ('fixes' in traced) return traced;
  const limit = await processorLimit();
  // The reference: times and speed of this machine as if there were no limit. Serving is slower under it.
  const unlimited = limit && { ...limit, cores: Number.POSITIVE_INFINITY };
  const nodeMs = await timeNodes(graph, traced.sizes, modelPath, scratch, unlimited);
  const speed = {
    trial: await measureSpeed((bytes) =>
      calibrate(bytes, { ...TRIAL_SESSION, graphOptimizationLevel: 'basic' }, unlimited),
    ),
    served: await measureSpeed((bytes) =>
      calibrate(bytes, { ...TRIAL_SESSION, graphOptimizationLevel: 'all' }, limit),
    ),
  };
  return { values: traced.values, nodeMs, speed, free: traced.free };
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

async function timeNodes(
  graph: Graph,
  sizes: Sizes,
  path: string,
  scratch: string,
  unlimited: ProcessorLimit | null,
): Promise<Map<string, number>> {
  const session = await createSession(path, {
    ...TRIAL_SESSION,
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
        await runTrial(session, graph, sizes, outputs, FIRST_INPUT);
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
