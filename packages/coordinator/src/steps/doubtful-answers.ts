import type { Answer, Tensor } from '@sparewheel/protocol';
import type { Device } from '../devices/device.ts';
import type { Fleet } from '../devices/fleet.ts';
import { sameDims } from './shape-memory.ts';
import type { AnswerFault } from './validate.ts';

/** Why an answer is doubtful: a correct device can give it, too. */
export type Doubt = Exclude<AnswerFault['kind'], 'malformed'>;

interface DoubtfulAnswer {
  readonly device: Device;
  readonly shard: number;
  readonly doubt: Doubt;
  readonly problem: string;
  readonly shapes: readonly (readonly number[])[];
}

/**
 * The answers to one step that contain NaN or infinity, or have another shape than the plan says. The device gets a
 * strike only if the step's true output shows that it is wrong: otherwise the model gives such values, or the plan is
 * wrong.
 */
export class DoubtfulAnswers {
  readonly #fleet: Fleet;
  readonly #deployment: string;
  #answers: DoubtfulAnswer[] = [];

  constructor(fleet: Fleet, deployment: string) {
    this.#fleet = fleet;
    this.#deployment = deployment;
  }

  add(
    device: Device,
    shard: number,
    fault: AnswerFault & { readonly kind: Doubt },
    { tensors }: Answer,
  ): void {
    const shapes = tensors.map(({ dims }) => dims);
    this.#answers.push({ device, shard, doubt: fault.kind, problem: fault.problem, shapes });
  }

  /** The devices that gave these answers. */
  get devices(): readonly Device[] {
    return [...new Set(this.#answers.map(({ device }) => device))];
  }

  has(doubt: Doubt): boolean {
    return this.#answers.some((answer) => answer.doubt === doubt);
  }

  /**
   * Compares the answers so far with a reference.
   * @param compute  returns the shard's true output; null if it is not finite
   */
  compare(compute: (shard: number) => Promise<readonly Tensor[] | null>): void {
    const answers = this.#answers;
    this.#answers = [];
    for (const answer of answers) {
      compute(answer.shard).then(
        (tensors) => {
          if (tensors !== null && isWrong(answer, tensors)) this.#strike(answer);
        },
        // Without a reference, the shard waits for other devices.
        () => {},
      );
    }
  }

  /** Judges the answers by the step's outputs, the concatenation of `shards` shards. */
  judge(outputs: readonly Tensor[], shards: number): void {
    const farFromOverflow = isFarFromOverflow(outputs, shards);
    for (const answer of this.#answers) {
      if (answer.doubt === 'unexpected' ? isWrong(answer, outputs) : farFromOverflow) this.#strike(answer);
    }
    this.#answers = [];
  }

  #strike({ device, problem }: DoubtfulAnswer): void {
    this.#fleet.strike(device, this.#deployment, problem);
  }
}

function isWrong({ doubt, shapes }: DoubtfulAnswer, outputs: readonly Tensor[]): boolean {
  if (doubt === 'unexpected') return !outputs.every(({ dims }, at) => sameDims(dims, shapes[at]!));
  return isFarFromOverflow(outputs, 1);
}

/** Returns whether all values are so small that no sum of shards can have overflowed float32. */
function isFarFromOverflow(outputs: readonly Tensor[], shards: number): boolean {
  const bound = 1e37 / shards;
  return outputs.every(
    ({ type, data }) =>
      type !== 'float32' || (data as Float32Array).every((value) => Math.abs(value) < bound),
  );
}
