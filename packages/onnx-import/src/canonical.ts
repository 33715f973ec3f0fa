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
import { ELEMENT_TYPES, type ElementType } from '@sparewheel/protocol';
import { InferenceSession } from 'onnxruntime-node';
import { externalDataIn, openFile, writeHashed } from './files.ts';
import { type DimensionValues, prepareModel } from './prepare.ts';
import { translateRuntimeError } from './runtime-errors.ts';
import { readSkimmed, readSource } from './source.ts';
import { tidy } from './tidy.ts';
import { computedNames, type TrialSpeed, trialRun } from './trial-run.ts';

export { externalDataIn, writeHashed } from './files.ts';
export type { DimensionValues } from './prepare.ts';
export type { TrialSpeed } from './trial-run.ts';

export interface CanonicalOptions extends DimensionValues {
  /** The ONNX file as it was brought; external data is looked for beside it. Not changed. */
  readonly modelPath: string;
  /** An existing directory for intermediate files; best on the file system of `modelPath`. Left as it was. */
  readonly scratchDirectory: string;
  /** Where the result is put; on the file system of the scratch directory. Made if it is not there. */
  readonly outputDirectory: string;
}

/** A file of the canonical form; its name in the output directory is its hash. */
export interface CanonicalFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * A model with constants folded and Identity, Dropout and most batch normalisations gone; its nodes in topological
 * order, each with a name of its own; with the type and static shape of every tensor in `value_info`. The graph's
 * external-data location is the weights' sha-256.
 */
export interface CanonicalModel {
  readonly graph: CanonicalFile;
  readonly weights: CanonicalFile | null;
  /** Milliseconds per node by name, on this machine with one thread. */
  readonly nodeMs: Readonly<Record<string, number>>;
  /** How fast this machine was then. */
  readonly speed: TrialSpeed;
}

/**
 * How ONNX Runtime is asked to write its own form. Constants that it did not change stay external and keep pointing
 * into the file that they came from, so that 250 MB of weights are neither read nor written for it.
 */
const BASIC = {
  graphOptimizationLevel: 'basic',
  intraOpNumThreads: 1,
  enableCpuMemArena: false,
  logSeverityLevel: 4,
} as const;

/**
 * Takes a model to its canonical form, through ONNX Runtime's basic optimisation and one trial run. Blocks for as
 * long as loading and running the model take: call it in a worker thread. Weights are never in memory as a whole of
 * our own; ONNX Runtime maps them. A hostile model can crash or stall ONNX Runtime: see `canonicaliseInChild`.
 * @throws {ModelRejectedError} what is wrong with the model, in a sentence
 * @throws {DynamicShapeError} an input's dimension has no value
 */
export async function canonicalise(options: CanonicalOptions): Promise<CanonicalModel> {
  const scratch = mkdtempSync(join(options.scratchDirectory, 'canonical-'));
  try {
    const prepared = prepareModel(readSource(options.modelPath, scratch), options);
    checkTypes(prepared.graph);
    writeHashed(join(scratch, 'prepared.onnx'), writeModel(prepared));
    await optimise(scratch);

    const external = externalDataIn(scratch);
    try {
      const optimised = readSkimmed(join(scratch, 'optimised.onnx'), 'optimised.onnx');
      const canonical = tidy(optimised, prepared.graph);
      return await finish({ model: canonical, external }, scratch, options.outputDirectory);
    } finally {
      external.close();
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Opens the files of a canonical model. Close it after use. */
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

/** What goes in and what comes out must be able to travel. */
function checkTypes(graph: Graph): void {
  for (const [what, values] of [
    ['input', graph.inputs],
    ['output', graph.outputs],
  ] as const) {
    for (const { name, type } of values) {
      // The type of an output may be left for ONNX Runtime to infer.
      if (!type && what === 'output') continue;
      const found = type?.kind === 'tensor' ? dataTypeName(type.dataType) : 'not a tensor';
      if (type?.kind === 'tensor' && (isElementType(found) || (what === 'output' && type.dataType === 0)))
        continue;
      throw new ModelRejectedError(
        'UNSUPPORTED_TYPE',
        `${what} "${name}" is ${found}`,
        `${what}s may be ${ELEMENT_TYPES.join(', ')}`,
      );
    }
  }
}

function isElementType(name: string): name is ElementType {
  return (ELEMENT_TYPES as readonly string[]).includes(name);
}

async function optimise(scratch: string): Promise<void> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(join(scratch, 'prepared.onnx'), {
      ...BASIC,
      optimizedModelFilePath: join(scratch, 'optimised.onnx'),
      extra: { session: { disable_prepacking: '1' } },
    });
  } catch (error) {
    throw translateRuntimeError(error, 'load');
  }
  await session.release();
}

async function finish(loaded: LoadedModel, scratch: string, output: string): Promise<CanonicalModel> {
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
  const trial = await trialRun(model.graph, tracePath, modelPath, scratch);

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
  const place = (from: string, file: { sha256: string; bytes: number }): CanonicalFile => {
    const path = join(output, file.sha256);
    renameSync(from, path);
    return { path, ...file };
  };
  return {
    weights: written ? place(join(scratch, location), written) : null,
    graph: place(graphPath, graph),
    nodeMs: Object.fromEntries(trial.nodeMs),
    speed: trial.speed,
  };
}
