import { invalid } from '../errors.ts';
import type { Emitter } from '../tensors/emitter.ts';
import { knownElements, type Value } from '../tensors/value.ts';
import type { Attributes } from './attributes.ts';

/** A node of the TensorFlow graph while it is converted. */
export class NodeContext {
  constructor(
    readonly name: string,
    readonly op: string,
    /** Without control inputs. */
    readonly inputs: readonly Value[],
    readonly attributes: Attributes,
    readonly emitter: Emitter,
  ) {}

  /** @throws {ModelRejectedError} INVALID_GRAPH: the node has no such input */
  input(index: number): Value {
    const value = this.inputs.at(index);
    if (!value)
      throw invalid(`the operator "${this.op}" (node "${this.name}") has only ${this.inputs.length} inputs`);
    return value;
  }

  /**
   * Returns the elements of an integer input that must be known at the conversion.
   * @throws {ModelRejectedError} INVALID_GRAPH: they are computed from the inputs of the model
   */
  constant(index: number, what: string): readonly number[] {
    const known = knownElements(this.input(index));
    if (known) return known;
    throw invalid(`the ${what} of "${this.op}" (node "${this.name}") must be constant integers`);
  }

  constantNumber(index: number, what: string): number {
    const elements = this.constant(index, what);
    if (elements.length !== 1)
      throw invalid(`the ${what} of "${this.op}" (node "${this.name}") must be one number`);
    return elements[0]!;
  }
}

/** Converts a node. Returns its outputs in order. */
export type Conversion = (node: NodeContext) => Value | readonly Value[];
