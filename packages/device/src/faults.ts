import type { Fault, Tensor } from '@sparewheel/protocol';

/**
 * The faults that a device pretends to have. Each kind is set by itself and replaces the one of its kind before;
 * `heal` ends all. What they do to time is reckoned here and carried out by whoever asks.
 */
export class Faults {
  readonly #random: () => number;
  readonly #onPartition: (partitioned: boolean) => void;
  #partitioned = false;
  #delay = { ms: 0, sigma: 0 };
  #slowFactor = 1;
  #dropProbability = 0;
  #corruption = { amount: 0, probability: 0 };

  /**
   * @param random  uniform in [0, 1)
   * @param onPartition  told when a partition begins or ends
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
        this.#delay = { ms: fault.ms, sigma: fault.sigma };
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
        this.#delay = { ms: 0, sigma: 0 };
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

  /** How many times as long computing takes; 1 when healthy. */
  get slowFactor(): number {
    return this.#slowFactor;
  }

  /** The wait before the next answer: constant, or log-normal with the fault's median and sigma. */
  answerDelayMs(): number {
    const { ms, sigma } = this.#delay;
    return sigma === 0 || ms === 0 ? ms : ms * Math.exp(sigma * this.#standardNormal());
  }

  /** Whether the next answer gets lost. */
  drops(): boolean {
    return this.#dropProbability > 0 && this.#random() < this.#dropProbability;
  }

  /** Makes the next answer wrong in one value, in place, where this fault is set. */
  corrupt(tensors: readonly Tensor[]): void {
    const { amount, probability } = this.#corruption;
    if (probability === 0 || this.#random() >= probability) return;
    const victim = tensors.find(
      ({ type, data }) => (type === 'float32' || type === 'float64') && data.length > 0,
    );
    if (victim === undefined) return;
    const data = victim.data as Float32Array | Float64Array;
    const index = Math.floor(this.#random() * data.length);
    data[index] = data[index]! + amount;
  }

  #setPartitioned(partitioned: boolean): void {
    if (this.#partitioned === partitioned) return;
    this.#partitioned = partitioned;
    this.#onPartition(partitioned);
  }

  /** Box–Muller; 1 − u keeps the logarithm away from 0. */
  #standardNormal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
  }
}
