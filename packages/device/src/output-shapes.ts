import type { Tensor, TensorShape } from '@sparewheel/protocol';

/** Remembers the shapes of a task's outputs for the shapes of its last inputs, so that memory can be prepared. */
export class OutputShapes {
  #inputs: readonly (readonly number[])[] = [];
  #outputs: readonly TensorShape[] | undefined;

  /** Returns the shapes that inputs of the same shapes led to the last time. */
  get(inputs: readonly Tensor[]): readonly TensorShape[] | undefined {
    if (this.#outputs === undefined || inputs.length !== this.#inputs.length) return undefined;
    for (let index = 0; index < inputs.length; index++) {
      if (!sameDims(inputs[index]!.dims, this.#inputs[index]!)) return undefined;
    }
    return this.#outputs;
  }

  learn(inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    this.#inputs = inputs.map(({ dims }) => dims);
    this.#outputs = outputs.map(({ type, dims }) => ({ type, dims }));
  }

  forget(): void {
    this.#outputs = undefined;
  }
}

function sameDims(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}
