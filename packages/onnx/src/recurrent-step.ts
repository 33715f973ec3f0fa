import {
  attribute,
  type ConstantTensor,
  DATA_TYPE,
  type Dimension,
  intAttribute,
  type Node,
} from './model.ts';
import { type ExternalData, float32Data } from './tensor-data.ts';

/** The nodes that replace a recurrent layer, with their constants and the shapes of their new values. */
export interface Separation {
  readonly nodes: readonly Node[];
  readonly constants: readonly ConstantTensor[];
  readonly values: ReadonlyMap<string, readonly Dimension[]>;
}

/** A recurrent layer in parts. */
export interface CellParts {
  readonly node: Node;
  readonly opset: number;
  readonly hidden: number;
  /** [time steps, batch, inputs] */
  readonly inputDims: readonly Dimension[];
  /** The input matrices of all directions, transposed: [inputs, rows]. */
  readonly input: ConstantTensor;
  /** Returns rows [from, to) of the recurrent matrix, transposed: [hidden, rows]. */
  readonly recurrent: (from: number, to: number) => ConstantTensor;
  /** [1, 2 · rows]: of the input product, then of the recurrent product. */
  readonly bias: ConstantTensor | null;
  readonly external: ExternalData;
  readonly isConstant: (name: string) => boolean;
}

/** Split and Unsqueeze take their sizes as an input from this operator set on. */
const SIZES_AS_INPUT = 13;
/** Attributes that change the formulas. */
const SPECIAL = ['activations', 'activation_alpha', 'activation_beta', 'clip'];
const SEQUENCE_LENS = 4;
const PEEPHOLES = 7;

/**
 * Writes a recurrent layer of one direction and one time step as its formulas.
 * @returns null if the layer has no initial state, or settings that are not the default
 */
export function stepOf(parts: CellParts): Separation | null {
  const { node, isConstant } = parts;
  const states = node.opType === 'LSTM' ? [5, 6] : [5];
  const given = (index: number) => (node.inputs[index] ?? '') !== '';
  if (SPECIAL.some((name) => attribute(node, name)) || intAttribute(node, 'input_forget', 0) !== 0)
    return null;
  if (intAttribute(node, 'layout', 0) !== 0 || given(SEQUENCE_LENS) || given(PEEPHOLES)) return null;
  if (!states.every((index) => given(index) && !isConstant(node.inputs[index]!))) return null;
  const cell = new Cell(parts);
  if (node.opType === 'LSTM') lstm(cell, parts);
  else if (node.opType === 'GRU') gru(cell, parts);
  else rnn(cell, parts);
  return cell;
}

/** Collects the nodes of a cell. All values are [1, batch, width]. */
class Cell implements Separation {
  readonly nodes: Node[] = [];
  readonly constants: ConstantTensor[] = [];
  readonly values = new Map<string, readonly Dimension[]>();
  readonly #parts: CellParts;

  constructor(parts: CellParts) {
    this.#parts = parts;
  }

  /** Adds a node, and returns its output. */
  add(op: string, name: string, inputs: readonly string[], width = this.#parts.hidden): string {
    const output = `${this.#parts.node.name}/${name}`;
    this.node(op, name, inputs, [output]);
    this.#describe(output, width);
    return output;
  }

  product(name: string, input: string, weights: ConstantTensor): string {
    this.constants.push(weights);
    return this.add('MatMul', name, [input, weights.name], weights.dims[1]);
  }

  /** Adds the sum of rows [from, to) of the biases of the input and the recurrent product, or of one of them. */
  biased(
    name: string,
    input: string,
    from: number,
    to: number,
    which: 'both' | 'input' | 'recurrent',
  ): string {
    const { bias, external, node } = this.#parts;
    if (bias === null) return input;
    const half = bias.dims[1]! / 2;
    const constant: ConstantTensor = {
      name: `${node.name}/${name}-bias`,
      dims: [to - from],
      dataType: DATA_TYPE.float32,
      storage: {
        kind: 'computed',
        byteLength: 4 * (to - from),
        *pieces() {
          const values = float32Data(bias, external);
          const [own, recurrent] = [values.subarray(from, to), values.subarray(half + from, half + to)];
          const sum = which === 'both' ? own.map((value, i) => value + recurrent[i]!) : null;
          yield new Uint8Array((sum ?? (which === 'input' ? own : recurrent).slice()).buffer);
        },
      },
    };
    this.constants.push(constant);
    return this.add('Add', `${name}-biased`, [input, constant.name], to - from);
  }

  /** Splits a value along its width. */
  split(name: string, input: string, widths: readonly number[]): string[] {
    const outputs = widths.map((_, i) => `${this.#parts.node.name}/${name}-${i}`);
    for (const [i, output] of outputs.entries()) this.#describe(output, widths[i]!);
    this.#sized('Split', name, input, outputs, 'split', widths, [{ name: 'axis', kind: 'int', value: 2n }]);
    return outputs;
  }

  /** Returns the state of the layer's outputs Y, Y_h and Y_c under their names. */
  finish(states: readonly string[]): void {
    const { node } = this.#parts;
    const [all = '', ...last] = node.outputs;
    for (const [i, output] of last.entries()) {
      if (output !== '') this.node('Identity', `output-${i}`, [states[i]!], [output]);
    }
    if (all !== '') this.#sized('Unsqueeze', 'output', states[0]!, [all], 'axes', [1], []);
  }

  node(
    opType: string,
    name: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Node['attributes'] = [],
  ) {
    this.nodes.push({
      name: `${this.#parts.node.name}/${name}`,
      opType,
      domain: '',
      inputs,
      outputs,
      attributes,
    });
  }

  #sized(
    op: string,
    name: string,
    input: string,
    outputs: readonly string[],
    field: string,
    sizes: readonly number[],
    attributes: Node['attributes'],
  ): void {
    const values = sizes.map(BigInt);
    if (this.#parts.opset < SIZES_AS_INPUT) {
      this.node(op, name, [input], outputs, [...attributes, { name: field, kind: 'ints', value: values }]);
      return;
    }
    const constant: ConstantTensor = {
      name: `${this.#parts.node.name}/${name}-sizes`,
      dims: [sizes.length],
      dataType: DATA_TYPE.int64,
      storage: { kind: 'raw', bytes: new Uint8Array(BigInt64Array.from(values).buffer) },
    };
    this.constants.push(constant);
    this.node(op, name, [input, constant.name], outputs, attributes);
  }

  #describe(value: string, width: number): void {
    const [steps = null, batch = null] = this.#parts.inputDims;
    this.values.set(value, [steps, batch, width]);
  }
}

/** Gates in the order i, o, f, c. */
function lstm(cell: Cell, { node, hidden, input, recurrent }: CellParts): void {
  const rows = 4 * hidden;
  const [h, c] = [node.inputs[5]!, node.inputs[6]!];
  const products = [
    cell.product('input', node.inputs[0]!, input),
    cell.product('recurrent', h, recurrent(0, rows)),
  ];
  const sum = cell.biased('gates', cell.add('Add', 'sum', products, rows), 0, rows, 'both');
  const [i, o, f, g] = cell.split('gates', sum, [hidden, hidden, hidden, hidden]);
  const entered = cell.add('Mul', 'entered', [
    cell.add('Sigmoid', 'input-gate', [i!]),
    cell.add('Tanh', 'candidate', [g!]),
  ]);
  const kept = cell.add('Mul', 'kept', [cell.add('Sigmoid', 'forget-gate', [f!]), c]);
  const nextC = cell.add('Add', 'cell', [kept, entered]);
  const shown = cell.add('Tanh', 'shown', [nextC]);
  const nextH = cell.add('Mul', 'hidden', [cell.add('Sigmoid', 'output-gate', [o!]), shown]);
  cell.finish([nextH, nextC]);
}

/** Gates in the order z, r, h. */
function gru(cell: Cell, { node, hidden, input, recurrent }: CellParts): void {
  const h = node.inputs[5]!;
  const [two, three] = [2 * hidden, 3 * hidden];
  const [gatesX, candidateX] = cell.split('products', cell.product('input', node.inputs[0]!, input), [
    two,
    hidden,
  ]);
  const after = intAttribute(node, 'linear_before_reset', 0) !== 0;
  const [gatesH, productH] = after
    ? cell.split('recurrent-products', cell.product('recurrent', h, recurrent(0, three)), [two, hidden])
    : [cell.product('recurrent', h, recurrent(0, two)), null];
  const gates = cell.biased('gates', cell.add('Add', 'sum', [gatesX!, gatesH!], two), 0, two, 'both');
  const [z, r] = cell.split('gates', cell.add('Sigmoid', 'open', [gates], two), [hidden, hidden]);
  const remembered = after
    ? cell.add('Mul', 'reset', [r!, cell.biased('recurrent', productH!, two, three, 'recurrent')])
    : cell.product('reset-recurrent', cell.add('Mul', 'reset', [r!, h]), recurrent(two, three));
  const inner = cell.add('Add', 'candidate-sum', [candidateX!, remembered]);
  const candidate = cell.add('Tanh', 'candidate', [
    cell.biased('candidate', inner, two, three, after ? 'input' : 'both'),
  ]);
  const difference = cell.add('Sub', 'difference', [h, candidate]);
  cell.finish([cell.add('Add', 'hidden', [candidate, cell.add('Mul', 'kept', [z!, difference])])]);
}

function rnn(cell: Cell, { node, hidden, input, recurrent }: CellParts): void {
  const products = [
    cell.product('input', node.inputs[0]!, input),
    cell.product('recurrent', node.inputs[5]!, recurrent(0, hidden)),
  ];
  const sum = cell.biased('gates', cell.add('Add', 'sum', products), 0, hidden, 'both');
  cell.finish([cell.add('Tanh', 'hidden', [sum])]);
}
