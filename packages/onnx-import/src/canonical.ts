import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  dataTypeName,
  detachWeights,
  type Graph,
  type LoadedModel,
  type Model,
  ModelRejectedError,
  readModel,
  writeModel,
} from '@sparewheel/onnx';
import { type FreeDimension, TENSOR_TYPES, type TensorType } from '@sparewheel/protocol';
import { InferenceSession } from 'onnxruntime-node';
import { externalDataIn, openFile, writeHashed } from './files.ts';
import type { FixedDimension, FreeShapes } from './free-dimensions.ts';
import { type DimensionValues, normalizeOptimized, prepareModel } from './graph-rewrites.ts';
import { hideHalf, restoreHalf } from './half-weights.ts';
import { mergeSiblings } from './merge-siblings.ts';
import { lowerQuantized } from './quantized/lower-quantized.ts';
import { translateRuntimeError } from './runtime-errors.ts';
import { readSkimmed, readSource } from './source.ts';
import { computedNames, type Fixes } from './trace-shapes.ts';
import { type TrialSpeed, trialRun } from './trial-run.ts';

export interface CanonicalOptions extends DimensionValues {
  /** The uploaded ONNX file, next to its external data. Not changed. */
  readonly modelPath: string;
  /** Existing directory for temporary files, preferably on the file system of `modelPath`. */
  readonly scratchDirectory: string;
  /** Directory for the result, on the file system of `scratchDirectory`. Created if missing. */
  readonly outputDirectory: string;
}

/** A file of the canonical form. Its name in the output directory is its SHA-256. */
export interface CanonicalFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * A model in canonical form: constants are folded, and Identity, Dropout and most batch normalizations are
 * removed. Linear layers that read the same tensor are one layer and a Split. Nodes are in topological order with
 * unique names. `value_info` has the type and shape of every tensor; free dimensions are open. The location of the
 * graph's external data is the SHA-256 of the weights.
 */
export interface CanonicalModel {
  readonly graph: CanonicalFile;
  readonly weights: CanonicalFile | null;
  /** Milliseconds by node name, on one thread of this machine. */
  readonly nodeMs: Readonly<Record<string, number>>;
  /** Speed of this machine when the nodes were timed. */
  readonly speed: TrialSpeed;
  readonly free: FreeShapes;
}

/**
 * Session options for ONNX Runtime's basic optimization. Unchanged constants stay external and keep pointing
 * into their source file, so 250 MB of weights are neither read nor written.
 */
const BASIC_OPTIMIZATION = {
  graphOptimizationLevel: 'basic',
  intraOpNumThreads: 1,
  enableCpuMemArena: false,
  logSeverityLevel: 4,
} as const;

/**
 * Converts a model to its canonical form by ONNX Runtime's basic optimization and a trial run. It blocks
 * while ONNX Runtime loads and runs the model, and ONNX Runtime maps the weights instead of reading them. A
 * hostile model can crash or stall it: use `canonicalizeInChild` for uploads.
 * @throws {ModelRejectedError} the model cannot be served; the message says why
 * Free dimensions stay free. The trial runs with usual sizes and with larger ones. If the graph runs with one size of a
 * dimension only, the dimension is fixed to it.
 * @throws {DynamicShapeError} an input has no rank and no given shape
 */
export async function canonicalize(options: CanonicalOptions): Promise<CanonicalModel> {
  const fixed: Record<string, FixedDimension> = {};
  for (;;) {
    const result = await convert(options, fixed);
    if (!('fixes' in result)) return result;
    Object.assign(fixed, result.fixes);
  }
}

async function convert(
  options: CanonicalOptions,
  fixed: Readonly<Record<string, FixedDimension>>,
): Promise<CanonicalModel | Fixes> {
  const scratch = mkdtempSync(join(options.scratchDirectory, 'canonical-'));
  try {
    const source = readSource(options.modelPath, scratch);
    const sizes = Object.fromEntries(Object.entries(fixed).map(([name, { size }]) => [name, size]));
    const prepared = prepareModel(source, options, sizes);
    checkTypes(prepared.graph);
    const { model: visible, hidden } = hideHalf(prepared);
    writeHashed(join(scratch, 'prepared.onnx'), writeModel(visible));
    await optimize(scratch);

    const external = externalDataIn(scratch);
    try {
      const optimized = readSkimmed(join(scratch, 'optimized.onnx'), 'optimized.onnx');
      const canonical = normalizeOptimized(restoreHalf(optimized, hidden), prepared.graph);
      const lowered = lowerQuantized({ model: canonical, external });
      const merged = mergeSiblings({ model: lowered, external });
      const finished = await finish({ model: merged, external }, scratch, options);
      if ('fixes' in finished) return finished;
      const inputs = { ...finished.free.inputs, ...fixedInputs(source, merged.graph, fixed, finished.free) };
      return { ...finished, free: { ...finished.free, inputs } };
    } finally {
      external.close();
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Opens the files of a canonical model. The caller must close it. */
export function openCanonical(
  graphPath: string,
  weightsDirectory = dirname(graphPath),
): LoadedModel & { close(): void } {
  const external = externalDataIn(weightsDirectory);
  const file = openFile(graphPath);
  try {
    return { model: readModel(file.read(0, file.size)), external, close: () => external.close() };
  } finally {
    file.close();
  }
}

/** Rejects inputs and outputs of types that ONNX Runtime's bindings do not have. */
function checkTypes(graph: Graph): void {
  for (const [what, values] of [
    ['input', graph.inputs],
    ['output', graph.outputs],
  ] as const) {
    for (const { name, type } of values) {
      // ONNX Runtime infers a missing output type.
      if (!type && what === 'output') continue;
      const found = type?.kind === 'tensor' ? dataTypeName(type.dataType) : 'not a tensor';
      if (type?.kind === 'tensor' && (isTensorType(found) || (what === 'output' && type.dataType === 0)))
        continue;
      throw new ModelRejectedError(
        'UNSUPPORTED_TYPE',
        `${what} "${name}" is ${found}${found === 'bfloat16' ? ', which ONNX Runtime cannot receive from or return to JavaScript' : ''}`,
        found === 'bfloat16'
          ? `make the ${what} float32, and cast inside the model`
          : `use one of the ${what} types ${TENSOR_TYPES.join(', ')}`,
      );
    }
  }
}

function isTensorType(name: string): name is TensorType {
  return (TENSOR_TYPES as readonly string[]).includes(name);
}

async function optimize(scratch: string): Promise<void> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(join(scratch, 'prepared.onnx'), {
      ...BASIC_OPTIMIZATION,
      optimizedModelFilePath: join(scratch, 'optimized.onnx'),
      extra: { session: { disable_prepacking: '1' } },
    });
  } catch (error) {
    throw translateRuntimeError(error, 'load');
  }
  await session.release();
}

/** Returns the inputs with dimensions that the graph fixes, so that an error can name the node. */
function fixedInputs(
  source: Model,
  { inputs }: Graph,
  fixed: Readonly<Record<string, FixedDimension>>,
  free: FreeShapes,
): FreeShapes['inputs'] {
  const found: Record<string, readonly (FreeDimension | null)[]> = {};
  if (Object.keys(fixed).length === 0) return found;
  for (const { name, type } of prepareModel(source, {}).graph.inputs) {
    const now = inputs.find((input) => input.name === name)?.type;
    if (type?.kind !== 'tensor' || now?.kind !== 'tensor' || !type.dims) continue;
    const axes = type.dims.map((dim, axis): FreeDimension | null => {
      const entry = typeof dim === 'string' && Object.hasOwn(fixed, dim) ? fixed[dim] : undefined;
      if (!entry || now.dims?.[axis] !== entry.size)
        return (Object.hasOwn(free.inputs, name) ? free.inputs[name]?.[axis] : null) ?? null;
      return { name: dim as string, usual: entry.size, max: entry.size, fixedBy: entry.by };
    });
    if (axes.some((axis) => axis !== null)) found[name] = axes;
  }
  return found;
}

async function finish(
  loaded: LoadedModel,
  scratch: string,
  { outputDirectory: output, ...values }: CanonicalOptions,
): Promise<CanonicalModel | Fixes> {
  const { model } = loaded;
  const detached = detachWeights(loaded);
  const weightsPath = join(scratch, 'weights');
  const written = detached.weightsBytes > 0 ? writeHashed(weightsPath, detached.weights()) : undefined;
  const location = written?.sha256 ?? '';
  if (written) renameSync(weightsPath, join(scratch, location));
  const modelPath = join(scratch, 'model.onnx');
  const tracePath = join(scratch, 'trace.onnx');
  writeHashed(modelPath, detached.graph(location));
  const declared = new Set(model.graph.outputs.map(({ name }) => name));
  const traced: Model = {
    ...model,
    graph: {
      ...model.graph,
      outputs: [
        ...model.graph.outputs,
        ...computedNames(model.graph)
          .filter((name) => !declared.has(name))
          .map((name) => ({ name })),
      ],
    },
  };
  writeHashed(tracePath, detachWeights({ ...loaded, model: traced }).graph(location));
  const trial = await trialRun(model.graph, tracePath, modelPath, scratch, values);
  if ('fixes' in trial) return trial;

  const outputs = model.graph.outputs.map((value) => trial.values.get(value.name) ?? value);
  const complete: Model = {
    ...model,
    graph: {
      ...model.graph,
      outputs,
      valueInfos: computedNames(model.graph)
        .filter((name) => !declared.has(name))
        .flatMap((name) => trial.values.get(name) ?? []),
    },
  };
  checkTypes(complete.graph);
  mkdirSync(output, { recursive: true });
  const graphPath = join(scratch, 'graph');
  const graph = writeHashed(graphPath, detachWeights({ ...loaded, model: complete }).graph(location));
  const moveToOutput = (from: string, file: { sha256: string; bytes: number }): CanonicalFile => {
    const path = join(output, file.sha256);
    renameSync(from, path);
    return { path, ...file };
  };
  return {
    weights: written ? moveToOutput(join(scratch, location), written) : null,
    graph: moveToOutput(graphPath, graph),
    nodeMs: Object.fromEntries(trial.nodeMs),
    speed: trial.speed,
    free: trial.free,
  };
}
