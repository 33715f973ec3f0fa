/** Conversions of the operators that compute element by element, and of reductions. */
import { invalid } from '../errors.ts';
import { activation, binary, broadcast, cast, prelu, softmax, unary } from '../operators/elementwise.ts';
import { type Reduction, reduce } from '../operators/reduction.ts';
import { lastValue } from '../tensors/emitter.ts';
import type { Value } from '../tensors/value.ts';
import type { Conversion, NodeContext } from './node-context.ts';

const one =
  (opType: string): Conversion =>
  (node) =>
    unary(node.emitter, opType, node.input(0), node.name);

const two =
  (opType: string): Conversion =>
  (node) =>
    binary(node.emitter, opType, node.input(0), node.input(1), node.name);

const named =
  (kind: string, alphaAttribute?: string, absent?: number): Conversion =>
  (node) => {
    const alpha = alphaAttribute === undefined ? undefined : node.attributes.float(alphaAttribute, absent!);
    return activation(node.emitter, kind, node.input(0), node.name, `node "${node.name}"`, alpha);
  };

/** TensorFlow.js divides two integers with the result rounded down. */
const divide: Conversion = (node) => {
  const [a, b] = [node.input(0), node.input(1)];
  return binary(node.emitter, a.type === 'int32' ? 'FloorDiv' : 'Div', a, b, node.name);
};

const addAll: Conversion = (node) =>
  node.inputs
    .slice(1)
    .reduce((sum, value) => broadcast(node.emitter, 'Add', [sum, value], node.name), node.input(0));

const square: Conversion = (node) =>
  broadcast(node.emitter, 'Mul', [node.input(0), node.input(0)], node.name);

const rsqrt: Conversion = (node) => {
  const root = unary(node.emitter, 'Sqrt', node.input(0), `${node.name}/sqrt`);
  return unary(node.emitter, 'Reciprocal', root, node.name);
};

const select: Conversion = (node) =>
  broadcast(
    node.emitter,
    'Where',
    [node.input(0), node.input(1), node.input(2)],
    node.name,
    node.input(1).type,
  );

const notEqual: Conversion = (node) => {
  const equal = binary(node.emitter, 'Equal', node.input(0), node.input(1), `${node.name}/equal`);
  return unary(node.emitter, 'Not', equal, node.name);
};

const clipByValue: Conversion = (node) => {
  const { emitter, name } = node;
  const raised = broadcast(emitter, 'Max', [node.input(0), node.input(1)], `${name}/max`);
  return broadcast(emitter, 'Min', [raised, node.input(2)], name);
};

const castTo: Conversion = (node) =>
  cast(node.emitter, node.input(0), node.attributes.type('DstT', 'float32'), node.name);

const reduction =
  (opType: Reduction): Conversion =>
  (node) =>
    reduceAxes(node, opType, node.input(0));

function reduceAxes(node: NodeContext, opType: Reduction, input: Value): Value {
  const keep = node.attributes.bool('keep_dims', node.attributes.bool('keepDims', false));
  return reduce(node.emitter, opType, input, node.constant(1, 'axes'), keep, node.name);
}

const logical =
  (opType: Reduction): Conversion =>
  (node) => {
    const numbers = cast(node.emitter, node.input(0), 'int32', `${node.name}/numbers`);
    return cast(node.emitter, reduceAxes(node, opType, numbers), 'bool', `${node.name}/bool`);
  };

const arg =
  (opType: 'ArgMax' | 'ArgMin'): Conversion =>
  (node) => {
    const { emitter, name } = node;
    const input = node.input(0);
    const axis = node.inputs.length > 1 ? node.constantNumber(1, 'axis') : 0;
    if (!input.dims || axis >= input.dims.length || axis < -input.dims.length) {
      throw invalid(`node "${name}" uses the axis ${axis} of a tensor that does not have it`);
    }
    const index = emitter.node(opType, [emitter.last(input)], { axis, keepdims: 0 }, `${name}/int64`);
    const dims = input.dims.toSpliced(axis, 1);
    return unary(emitter, 'Cast', lastValue(index, 'int32', dims), name, { to: 6 }, 'int32');
  };

export const ELEMENT_OPERATORS: Readonly<Record<string, Conversion>> = {
  Abs: one('Abs'),
  Neg: one('Neg'),
  Exp: one('Exp'),
  Log: one('Log'),
  Sqrt: one('Sqrt'),
  Rsqrt: rsqrt,
  Square: square,
  Reciprocal: one('Reciprocal'),
  Inv: one('Reciprocal'),
  Floor: one('Floor'),
  Ceil: one('Ceil'),
  Round: one('Round'),
  Sign: one('Sign'),
  Sin: one('Sin'),
  Cos: one('Cos'),
  Tan: one('Tan'),
  Atan: one('Atan'),
  Erf: one('Erf'),
  LogicalNot: one('Not'),
  Relu: named('relu'),
  Relu6: named('relu6'),
  Elu: named('elu'),
  Selu: named('selu'),
  LeakyRelu: named('leakyrelu', 'alpha', 0.2),
  Sigmoid: named('sigmoid'),
  Tanh: named('tanh'),
  Softplus: named('softplus'),
  Prelu: (node) => prelu(node.emitter, node.input(0), node.input(1), node.name),
  Softmax: (node) => softmax(node.emitter, 'Softmax', node.input(0), node.name),
  LogSoftmax: (node) => softmax(node.emitter, 'LogSoftmax', node.input(0), node.name),
  ClipByValue: clipByValue,
  Cast: castTo,
  Add: two('Add'),
  AddV2: two('Add'),
  AddN: addAll,
  Sub: two('Sub'),
  Mul: two('Mul'),
  Div: divide,
  RealDiv: divide,
  DivNoNan: two('DivNoNan'),
  FloorDiv: two('FloorDiv'),
  FloorMod: two('FloorMod'),
  Mod: two('FloorMod'),
  Maximum: two('Max'),
  Minimum: two('Min'),
  Pow: two('Pow'),
  SquaredDifference: two('SquaredDifference'),
  Equal: two('Equal'),
  NotEqual: notEqual,
  Greater: two('Greater'),
  GreaterEqual: two('GreaterOrEqual'),
  Less: two('Less'),
  LessEqual: two('LessOrEqual'),
  LogicalAnd: two('And'),
  LogicalOr: two('Or'),
  Select: select,
  SelectV2: select,
  Mean: reduction('ReduceMean'),
  Sum: reduction('ReduceSum'),
  Max: reduction('ReduceMax'),
  Min: reduction('ReduceMin'),
  Prod: reduction('ReduceProd'),
  All: logical('ReduceMin'),
  Any: logical('ReduceMax'),
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
};
