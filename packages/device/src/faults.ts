import {
  type DelayQuantiles,
  type Fault,
  float16Bits,
  float16Value,
  type Tensor,
} from '@sparewheel/protocol';

type DelayFault = Pick<Extract<Fault, { kind: 'delay' }>, 'ms' | 'sigma' | 'quantiles'>;
const NO_DELAY: DelayFault = { ms: 0, sigma: 0 };

/**
 * The faults that a device emulates. A fault replaces the earlier fault of its kind; `heal` ends all of them.
 * This class computes delays; the caller waits.
 */
export class Faults {
  readonly #random: () => number;
  readonly #onPartition: (partitioned: boolean) => void;
  #partitioned = false;
  #delay: DelayFault = NO_DELAY;
  #slowFactor = 1;
  #dropProbability = 0;
  #corruption = { amount: 0, probability: 0 };

  /**
   * @param random  uniform in [0, 1)
   * @param onPartition  called when a partition starts or ends
   */
  constructor(random: () => number, onPartition: (partitioned: boolean) => void) {
    this.#random = random;
    this.#onPartition = onPartition;
  }

  set(fault: Fault): void {
    switch (fault.kind) {
      case 'partition':
        this.#setPartitioned(true);
        break;
      case 'delay':
        this.#delay = fault;
        break;
      case 'slow':
        this.#slowFactor = fault.factor;
        break;
      case 'drop':
        this.#dropProbability = fault.probability;
        break;
      case 'corrupt':
        this.#corruption = { amount: fault.amount, probability: fault.probability };
        break;
      case 'heal':
        this.#delay = NO_DELAY;
        this.#slowFactor = 1;
        this.#dropProbability = 0;
        this.#corruption = { amount: 0, probability: 0 };
        this.#setPartitioned(false);
        break;
    }
  }

  get partitioned(): boolean {
    return this.#partitioned;
  }

  /** Factor on the compute time; 1 without a fault. */
  get slowFactor(): number {
    return this.#slowFactor;
  }

  /** Returns the delay of the next answer: constant, log-normal with the fault's median and sigma, or drawn. */
  answerDelayMs(): number {
    const { ms, sigma, quantiles } = this.#delay;
    if (quantiles !== undefined) return ms + quantileMs(quantiles, this.#random());
    return sigma === 0 || ms === 0 ? ms : ms * Math.exp(sigma * this.#standardNormal());
  }

  /** Decides whether the next answer is dropped. */
  drops(): boolean {
    return this.#dropProbability > 0 && this.#random() < this.#dropProbability;
  }

  /** Applies the corruption fault to an answer: with its probability, changes one value in place. */
  corrupt(tensors: readonly Tensor[]): void {
    const { amount, probability } = this.#corruption;
    if (probability === 0 || this.#random() >= probability) return;
    const target = tensors.find(
      ({ type, data }) =>
        (type === 'float32' || type === 'float64' || type === 'float16' || type === 'int32') &&
        data.length > 0,
    );
    if (target === undefined) return;
    const data = target.data as Float32Array | Float64Array | Uint16Array | Int32Array;
    const index = Math.floor(this.#random() * data.length);
    if (target.type === 'float16') {
      data[index] = float16Bits(float16Value(data[index]!) + amount);
      return;
    }
    const smallest = amount < 0 ? -1 : 1;
    const change = target.type === 'int32' ? Math.round(amount) || smallest : amount;
    data[index] = data[index]! + change;
  }

  #setPartitioned(partitioned: boolean): void {
    if (this.#partitioned === partitioned) return;
    this.#partitioned = partitioned;
    this.#onPartition(partitioned);
  }

  /** Box–Muller. 1 − u is never 0, so the logarithm is finite. */
  #standardNormal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
  }
}

/** Inverts a cumulative distribution function that is linear between its points. @param share  in [0, 1) */
function quantileMs(points: DelayQuantiles, share: number): number {
  const next = points.findIndex((point) => point.share > share);
  const to = points[next]!;
  const from = points[next - 1]!;
  return from.ms + ((to.ms - from.ms) * (share - from.share)) / (to.share - from.share);
}
