import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ELEMENT_TYPES, type ElementType } from '@sparewheel/protocol';
import { InferenceSession } from 'onnxruntime-node';
import { detachWeights, type LoadedModel, mapBodies } from './cut.ts';
import { ExternalDataError, MalformedModelError, ModelRejectedError } from './errors.ts';
import { externalDataIn, isPlainLocation, linkOrCopy, openFile, writeHashed } from './files.ts';
import { type ConstantTensor, dataTypeName, type Graph, type Model, type Node } from './model.ts';
import { type DimensionValues, prepareModel } from './prepare.ts';
import { readModel } from './reader.ts';
import { translateRuntimeError } from './runtime-errors.ts';
import { skimModel } from './skim.ts';
import { nodeReads, topologicalOrder } from './topology.ts';
import { computedNames, trialRun } from './trial-run.ts';
import { validateModel } from './validate.ts';
import { joinChunks, writeModel } from './writer.ts';

export { externalDataIn } from './files.ts';
export type { DimensionValues } from './prepare.ts';

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

const SOURCE = 'source.bin';

/**
 * Takes a model to its canonical form, through ONNX Runtime's basic optimisation and one trial run. Blocks for as
 * long as loading and running the model take: call it in a worker thread. Weights are never in memory as a whole of
 * our own; ONNX Runtime maps them.
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

function readSource(modelPath: string, scratch: string): Model {
  let model: Model;
  try {
    model = readSkimmed(modelPath, SOURCE);
  } catch (error) {
    if (error instanceof MalformedModelError) throw notOnnx(error);
    throw error;
  }
  validateModel(model);
  linkOrCopy(modelPath, join(scratch, SOURCE));
  return bringExternalData(model, modelPath, scratch);
}

function readSkimmed(path: string, location: string): Model {
  const file = openFile(path);
  try {
    if (file.size === 0) throw new ModelRejectedError('NOT_ONNX', 'the file is empty');
    return readModel(joinChunks(skimModel(file, location)));
  } finally {
    file.close();
  }
}

function notOnnx(error: MalformedModelError): ModelRejectedError {
  const truncated = /the bytes end|only \d+ are left|is left/.test(error.problem) && error.offset > 0;
  return truncated
    ? new ModelRejectedError(
        'TRUNCATED',
        `the file breaks off at byte ${error.offset} (${error.problem})`,
        'upload it again; it may have been cut short on the way',
        { cause: error },
      )
    : new ModelRejectedError(
        'NOT_ONNX',
        `this is not an ONNX model (byte ${error.offset}: ${error.problem})`,
        'export the network with torch.onnx.export or tf2onnx',
        { cause: error },
      );
}

/** Puts the model's own external data beside the file that ONNX Runtime will read, under names of ours. */
function bringExternalData(model: Model, modelPath: string, scratch: string): Model {
  const names = new Map<string, string>();
  const locate = (tensor: ConstantTensor): ConstantTensor => {
    const { storage } = tensor;
    if (storage.kind !== 'external' || storage.location === SOURCE) return tensor;
    let name = names.get(storage.location);
    const path = join(dirname(modelPath), storage.location);
    if (!isPlainLocation(storage.location)) {
      throw new ExternalDataError(tensor.name, storage.location, 'which is not in the model’s directory');
    }
    if (!existsSync(path)) throw new ExternalDataError(tensor.name, storage.location, 'which is not there');
    const { size } = statSync(path);
    if (storage.offset + (storage.length ?? 0) > size) {
      throw new ExternalDataError(tensor.name, storage.location, `which has only ${size} bytes`);
    }
    if (name === undefined) {
      name = `external-${names.size}.bin`;
      names.set(storage.location, name);
      linkOrCopy(path, join(scratch, name));
    }
    return { ...tensor, storage: { ...storage, location: name } };
  };
  return { ...model, graph: mapConstants(model.graph, locate) };
}

function mapConstants(graph: Graph, change: (tensor: ConstantTensor) => ConstantTensor): Graph {
  return {
    ...graph,
    initializers: graph.initializers.map(change),
    nodes: graph.nodes.map((node) => {
      const outer = mapBodies(node, (body) => mapConstants(body, change));
      return {
        ...outer,
        attributes: outer.attributes.map((item) =>
          item.kind === 'tensor' ? { ...item, value: change(item.value) } : item,
        ),
      };
    }),
  };
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

/** Topological order, a name for every node, only constants that are used, inputs as they were declared. */
function tidy(optimised: Model, prepared: Graph): Model {
  const { graph } = optimised;
  const order = topologicalOrder(graph);
  if (!order) throw new ModelRejectedError('INVALID_GRAPH', 'the graph goes round in a circle');
  const nodes = nameNodes(order.map((index) => graph.nodes[index]!));
  const used = new Set(graph.outputs.map((output) => output.name));
  for (const node of nodes) for (const name of nodeReads(node)) used.add(name);
  const domains = new Set(['']);
  const visit = (list: readonly Node[]) => {
    for (const node of list) {
      domains.add(node.domain);
      mapBodies(node, (body) => {
        visit(body.nodes);
        return body;
      });
    }
  };
  visit(nodes);
  return {
    ...optimised,
    producer: 'sparewheel',
    opsetImports: optimised.opsetImports.filter(({ domain }) => domains.has(domain)),
    functions: [],
    graph: {
      ...graph,
      nodes,
      initializers: graph.initializers.filter(({ name }) => used.has(name)),
      sparseInitializers: graph.sparseInitializers.filter(({ name }) => used.has(name)),
      inputs: prepared.inputs,
      outputs: prepared.outputs.map(
        ({ name }) => graph.outputs.find((found) => found.name === name) ?? { name },
      ),
    },
  };
}

/** Keeps names that are unique, makes new ones from a node's first output where there is none. */
function nameNodes(nodes: readonly Node[]): Node[] {
  const taken = new Set<string>();
  return nodes.map((node) => {
    const wanted = node.name || `${node.opType}_${node.outputs.find((output) => output !== '') ?? 'node'}`;
    let name = wanted;
    for (let count = 2; taken.has(name); count++) name = `${wanted}_${count}`;
    taken.add(name);
    return { ...node, name };
  });
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
  };
}
