import {
  DATA_TYPE,
  type DataTypeName,
  type Graph,
  ModelRejectedError,
  type ValueInfo,
} from '@sparewheel/onnx';
import type { FreeDimension } from '@sparewheel/protocol';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  type FixedDimension,
  type FreeShapes,
  freeNames,
  largestSize,
  limitTogether,
  type RunShape,
  type RunShapes,
  type Sizes,
  shapeAt,
  usualSizes,
} from './free-dimensions.ts';
import type { DimensionValues } from './graph-rewrites.ts';
import { hasUnknownRank, inferredShapes } from './inferred-shapes.ts';
import { FIRST_INPUT, runTrial, SECOND_INPUT } from './trial-feeds.ts';
import { createSession, TRIAL_SESSION } from './trial-session.ts';

/** Elements of one tensor: 512 MB of float32, eight times the limit of a message. */
const VALUE_ELEMENTS_LIMIT = 2 ** 27;

/** Returns the names of all tensors that the graph's nodes compute. */
export function computedNames(graph: Graph): string[] {
  return graph.nodes.flatMap((node) => node.outputs.filter((name) => name !== ''));
}

/** Free dimensions with which the model runs in one size only. They must be fixed before another trial. */
export interface Fixes {
  readonly fixes: Readonly<Record<string, FixedDimension>>;
}

/** What a run says about the tensors of a model. */
export interface Trace {
  readonly values: ReadonlyMap<string, ValueInfo>;
  /** The usual sizes of free dimensions. */
  readonly sizes: Sizes;
  readonly free: FreeShapes;
}

/**
 * Runs a model with every computed tensor as an output, to find types and shapes.
 * @param path  model file with every computed tensor among its outputs
 * @throws {ModelRejectedError} DOES_NOT_RUN, TOO_LARGE, or the code of a load error
 */
export async function traceShapes(
  graph: Graph,
  path: string,
  given: DimensionValues,
): Promise<Trace | Fixes> {
  const session = await createSession(path, TRIAL_SESSION);
  try {
    // Sequences, maps and rare types cannot be sent. A plan keeps their producers and consumers together.
    const fetches = session.outputMetadata
      .filter((value) => value.isTensor && value.type in DATA_TYPE)
      .map((value) => value.name);
    for (const value of session.outputMetadata) if (value.isTensor) checkSize(value.name, value.shape);
    if (freeNames(graph.inputs).length > 0) return await traceSizes(session, graph, fetches, given);
    for (const input of graph.inputs) checkSize(input.name, shapeAt(input, {}));
    const trials: RunShapes[] = [];
    for (const real of [FIRST_INPUT, SECOND_INPUT]) {
      trials.push(shapesOf(await runTrial(session, graph, {}, fetches, real)));
      // Another input can only show another rank, and only of a tensor whose rank is not inferred.
      if (!hasUnknownRank(session, trials[0]!)) break;
    }
    const { values, usual } = inferredShapes(session, trials[0]!, trials[1]);
    return { values, sizes: {}, free: { inputs: {}, usual } };
  } finally {
    await session.release();
  }
}

/** Larger sizes are this many times the usual ones. */
const GROWTH = 2;

/**
 * Runs a model with free dimensions at the usual sizes, then with each dimension larger. A dimension of a tensor is
 * fixed only if ONNX Runtime infers its size from the graph.
 */
async function traceSizes(
  session: InferenceSession,
  graph: Graph,
  fetches: readonly string[],
  { dims: hints = {}, maxDims = {} }: DimensionValues,
): Promise<Trace | Fixes> {
  const names = freeNames(graph.inputs);
  const shapesAt = async (sizes: Sizes): Promise<RunShapes> => {
    for (const input of graph.inputs) checkSize(input.name, shapeAt(input, sizes));
    return shapesOf(await runTrial(session, graph, sizes, fetches, FIRST_INPUT));
  };
  const { sizes, usual } = await firstThatRuns(usualSizes(graph.inputs, hints, maxDims), shapesAt);
  const larger = (which: readonly string[]) => ({
    ...sizes,
    ...Object.fromEntries(which.map((name) => [name, GROWTH * sizes[name]!])),
  });
  const together = await shapesAt(larger(names)).catch(() => null);
  const fixes: Record<string, FixedDimension> = {};
  const grown = new Map<string, RunShapes>();
  for (const name of names) {
    if (names.length === 1 && together !== null) grown.set(name, together);
    else {
      try {
        grown.set(name, await shapesAt(larger([name])));
      } catch (error) {
        // Dimensions may depend on each other. They are free if the model runs with all of them larger.
        if (together === null) fixes[name] = { size: sizes[name]!, by: failedNode(error) };
        else grown.set(name, together);
      }
    }
  }
  if (Object.keys(fixes).length > 0) return { fixes };

  const { values, usual: found } = inferredShapes(session, usual, together ?? undefined);
  const shapes = { ...found };
  const inputs: Record<string, readonly (FreeDimension | null)[]> = {};
  const dimensionOf = (name: string) => {
    const size = sizes[name]!;
    const max = maxDims[name] ?? largestSize(size, usual, grown.get(name) ?? usual, GROWTH);
    return { name, usual: size, max: Math.max(size, max) };
  };
  for (const input of graph.inputs) {
    if (freeNames([input]).length === 0 || input.type?.kind !== 'tensor') continue;
    shapes[input.name] = shapeAt(input, sizes);
    inputs[input.name] = input.type.dims!.map((dim) => (typeof dim === 'string' ? dimensionOf(dim) : null));
  }
  const withInputs = (run: RunShapes, at: Sizes): RunShapes => new Map([...run, ...inputShapes(graph, at)]);
  // Dimensions that do not grow alone have the same run.
  const runs = [...new Set(names.map((name) => grown.get(name)!))];
  const groups = runs.map((run) => {
    const group = names.filter((name) => grown.get(name) === run);
    const withOthers = run === together;
    return {
      dimensions: group.map(dimensionOf),
      grown: withInputs(run, larger(withOthers ? names : group)),
      withOthers,
    };
  });
  const limit = limitTogether(withInputs(usual, sizes), groups, GROWTH);
  return { values, sizes, free: { inputs, usual: shapes, ...(limit ? { limit } : {}) } };
}

function inputShapes(graph: Graph, sizes: Sizes): [string, RunShape][] {
  return graph.inputs.flatMap((input): [string, RunShape][] =>
    input.type?.kind === 'tensor'
      ? [[input.name, { dataType: input.type.dataType, dims: shapeAt(input, sizes) }]]
      : [],
  );
}

async function firstThatRuns(
  tries: readonly Sizes[],
  shapesAt: (sizes: Sizes) => Promise<RunShapes>,
): Promise<{ readonly sizes: Sizes; readonly usual: RunShapes }> {
  let failure: unknown;
  for (const sizes of tries) {
    try {
      return { sizes, usual: await shapesAt(sizes) };
    } catch (error) {
      if (error instanceof ModelRejectedError && error.code === 'TOO_LARGE') throw error;
      failure ??= error;
    }
  }
  const [first] = tries as [Sizes];
  const sizes = Object.entries(first).map(([name, size]) => `${name}:${size}`);
  throw new ModelRejectedError(
    'DOES_NOT_RUN',
    `${(failure as Error).message}; its free dimensions had the sizes ${sizes.join(', ')}`,
    'give sizes that it runs with, as dims',
    { cause: failure },
  );
}

/** Returns the node that an error of ONNX Runtime names: "Reshape "r"". */
function failedNode(error: unknown): string {
  const node = /(\w+ "[^"]*"): /.exec(error instanceof Error ? error.message : '');
  return node ? node[1]! : 'the graph';
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

function shapesOf(outputs: InferenceSession.OnnxValueMapType): RunShapes {
  const shapes = Object.entries(outputs).map(([name, value]) => {
    const { type, dims } = value as Tensor;
    return [name, { dataType: DATA_TYPE[type as DataTypeName], dims }] as const;
  });
  return new Map(shapes);
}
