/**
 * A fair sample of a stream: each value so far has the same chance to be in it. [Vitter 1985, algorithm R]
 */
export class AnswerSample<Value> {
  readonly #size: number;
  readonly #random: () => number;
  #values: Value[] = [];
  #seen = 0;

  /**
   * @param size    the largest number of values that are kept
   * @param random  uniform in [0, 1)
   */
  constructor(size: number, random: () => number) {
    this.#size = size;
    this.#random = random;
  }

  add(value: Value): void {
    this.#seen++;
    if (this.#values.length < this.#size) {
      this.#values.push(value);
      return;
    }
    const at = Math.floor(this.#random() * this.#seen);
    if (at < this.#size) this.#values[at] = value;
  }

  /** Returns the sample and starts a new one. */
  take(): readonly Value[] {
    const values = this.#values;
    this.#values = [];
    this.#seen = 0;
    return values;
  }
}
