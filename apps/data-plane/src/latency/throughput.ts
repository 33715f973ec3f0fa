/** How many requests were answered in each of the last seconds. */
export class Throughput {
  readonly #counts: number[];
  /** The second that the newest count belongs to. */
  #second: number;

  /** @param nowMs  any clock, the same in every call */
  constructor(seconds: number, nowMs: number) {
    this.#counts = new Array<number>(seconds).fill(0);
    this.#second = Math.floor(nowMs / 1000);
  }

  record(nowMs: number): void {
    this.#advance(nowMs);
    this.#counts[this.#second % this.#counts.length]! += 1;
  }

  /** Oldest first; without the second that has not ended. */
  lastSeconds(nowMs: number): number[] {
    this.#advance(nowMs);
    const length = this.#counts.length;
    return Array.from({ length: length - 1 }, (_, at) => this.#counts[(this.#second + 1 + at) % length]!);
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const length = this.#counts.length;
    const from = Math.max(this.#second + 1, second - length + 1);
    for (let passed = from; passed <= second; passed++) this.#counts[passed % length] = 0;
    this.#second = Math.max(this.#second, second);
  }
}
