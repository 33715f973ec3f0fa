import {
  attribute,
  type Dimension,
  DynamicShapeError,
  type Graph,
  givenNames,
  type Model,
  ModelRejectedError,
  mapBodies,
  type ValueInfo,
} from '@sparewheel/onnx';

/** Values for what a model leaves open. */
export interface DimensionValues {
  /** By symbolic name: `{ batch: 1 }`. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Whole shapes by input: `{ image: [1, 3, 224, 224] }`. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
}

/**
 * Makes a model static, for ONNX Runtime to take it to its canonical form: every input gets a shape of numbers;
 * constants stop being inputs (as files older than IR version 4 list them), so that they can be folded; Constant nodes
 * become constants of the graph; shapes that were inferred for other sizes are dropped.
 * @throws {DynamicShapeError} a dimension without a value
 * @throws {ModelRejectedError} DYNAMIC_SHAPE  values for something that the model does not have
 */
export function prepareModel(model: Model, values: DimensionValues): Model {
  const hoisted = hoistConstants(model.graph);
  const constants = new Set([...hoisted.initializers, ...hoisted.sparseInitializers].map(({ name }) => name));
  const declared = hoisted.inputs.filter(({ name }) => !constants.has(name));
  checkNames(declared, values);
  const inputs = declared.map((input) => fixShape(input, values));
  if (inputs.length === 0) {
    throw new ModelRejectedError('INVALID_GRAPH', 'the model has no inputs: there is nothing to infer from');
  }
  return {
    ...model,
    // From IR version 4 on, a constant need not be an input.
    irVersion: Math.max(model.irVersion, 4),
    graph: {
      ...hoisted,
      inputs,
      outputs: hoisted.outputs.map(withoutShape),
      valueInfos: hoisted.valueInfos.filter(({ type }) => type?.kind === 'opaque'),
    },
  };
}

/** The inputs that a caller must feed: those that have no constant of the same name. */
export function trueInputs(graph: Graph): readonly ValueInfo[] {
  const constants = givenNames({ ...graph, inputs: [] });
  return graph.inputs.filter(({ name }) => !constants.has(name));
}

function hoistConstants(graph: Graph): Graph {
  const initializers = [...graph.initializers];
  const nodes = [];
  for (const node of graph.nodes) {
    const value = node.opType === 'Constant' && node.domain === '' ? attribute(node, 'value') : undefined;
    const output = node.outputs[0];
    if (value?.kind === 'tensor' && output && node.outputs.length === 1) {
      initializers.push({ ...value.value, name: output });
    } else {
      nodes.push(mapBodies(node, hoistConstants));
    }
  }
  return { ...graph, nodes, initializers };
}

function checkNames(inputs: readonly ValueInfo[], values: DimensionValues): void {
  const symbols = new Set<string>();
  const names = new Set<string>();
  for (const { name, type } of inputs) {
    names.add(name);
    if (type?.kind !== 'tensor') continue;
    for (const dim of type.dims ?? []) if (typeof dim === 'string') symbols.add(dim);
  }
  const refuse = (what: string, known: ReadonlySet<string>) => {
    const list = [...known].map((name) => `"${name}"`).join(', ');
    return new ModelRejectedError('DYNAMIC_SHAPE', what, `the model has ${list || 'none'}`);
  };
  for (const symbol of Object.keys(values.dims ?? {})) {
    if (!symbols.has(symbol)) throw refuse(`no input has a dynamic dimension called "${symbol}"`, symbols);
  }
  for (const name of Object.keys(values.shapes ?? {})) {
    if (!names.has(name)) throw refuse(`there is no input called "${name}"`, names);
  }
  for (const [what, sizes] of [
    ...Object.entries(values.dims ?? {}).map(([name, size]) => [name, [size]] as const),
    ...Object.entries(values.shapes ?? {}),
  ]) {
    if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 1)) {
      throw new ModelRejectedError(
        'DYNAMIC_SHAPE',
        `"${what}" is given as ${JSON.stringify(sizes)}`,
        'dimensions are whole numbers of at least 1',
      );
    }
  }
}

function fixShape(input: ValueInfo, values: DimensionValues): ValueInfo {
  const { name, type } = input;
  if (type?.kind !== 'tensor') {
    throw new ModelRejectedError('UNSUPPORTED_TYPE', `input "${name}" is not a tensor`);
  }
  const given = values.shapes?.[name];
  if (!type.dims) {
    if (!given) throw new DynamicShapeError(name, 0);
    return { name, type: { ...type, dims: given } };
  }
  if (given && !fits(type.dims, given)) {
    throw new ModelRejectedError(
      'DYNAMIC_SHAPE',
      `input "${name}" has the shape [${type.dims.map((dim) => dim ?? '?').join(', ')}] and cannot be [${given.join(', ')}]`,
    );
  }
  const dims = type.dims.map((dim, axis) => {
    if (given) return given[axis]!;
    // Some exporters write 0 for "any"; an input that is always empty has nothing to infer from.
    if (typeof dim === 'number' && dim > 0) return dim;
    const value = typeof dim === 'string' ? values.dims?.[dim] : undefined;
    if (value === undefined) throw new DynamicShapeError(name, typeof dim === 'string' ? dim : axis);
    return value;
  });
  return { name, type: { ...type, dims } };
}

function fits(declared: readonly Dimension[], given: readonly number[]): boolean {
  return (
    declared.length === given.length &&
    declared.every((dim, axis) => typeof dim !== 'number' || dim === 0 || dim === given[axis])
  );
}

function withoutShape({ name, type }: ValueInfo): ValueInfo {
  if (!type) return { name };
  return { name, type: type.kind === 'tensor' ? { kind: 'tensor', dataType: type.dataType } : type };
}
