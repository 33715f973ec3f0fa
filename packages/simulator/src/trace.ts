/**
 * Records every step of a simulation: always as a hash, to compare two runs, and as text on request. The hash takes the
 * parts of a line as numbers; the text is only created when it is printed.
 */
export class Trace {
  #a = 0x811c9dc5;
  #b = 0x9747b28c;
  readonly #words = new Map<string, number>();
  readonly #time = new Float64Array(1);
  readonly #bits = new Uint32Array(this.#time.buffer);

  constructor(
    readonly now: () => number,
    readonly print: ((line: string) => void) | null,
  ) {}

  note(what: string, subject: string, first = 0, second = 0, detail: (() => string) | null = null): void {
    this.#time[0] = this.now();
    this.#mix(this.#bits[0]!);
    this.#mix(this.#bits[1]!);
    this.#mix(this.#word(what));
    this.#mix(this.#word(subject));
    this.#mix(first);
    this.#mix(second);
    if (this.print === null) return;
    const numbers = first === 0 && second === 0 ? '' : second === 0 ? ` ${first}` : ` ${first}/${second}`;
    const text = detail === null ? '' : `  ${detail()}`;
    this.print(`${this.now().toFixed(3).padStart(12)}  ${what.padEnd(18)} ${subject}${numbers}${text}`);
  }

  get hash(): string {
    const hex = (value: number) => (value >>> 0).toString(16).padStart(8, '0');
    return hex(this.#a) + hex(this.#b);
  }

  #mix(value: number): void {
    this.#a = Math.imul(this.#a ^ value, 0x01000193);
    this.#a ^= this.#a >>> 15;
    this.#b = Math.imul(this.#b + value, 0x5bd1e995);
    this.#b ^= this.#b >>> 13;
  }

  #word(text: string): number {
    let number = this.#words.get(text);
    if (number === undefined) {
      number = 0x811c9dc5;
      for (let i = 0; i < text.length; i++) number = Math.imul(number ^ text.charCodeAt(i), 0x01000193);
      this.#words.set(text, number);
    }
    return number;
  }
}
