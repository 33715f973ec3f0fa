/** The promises of docs/LIMITS.md, by their letters there; `bounds` and `leaks` stand for those written in its tables. */
export type PromiseName =
  | 'a: repairable failures are not on the path'
  | 'b: beyond repair, rescue and then takeover'
  | 'c: one answer or one error before the deadline'
  | 'd: no wrong answer unnoticed'
  | 'e: who returns serves without a transfer'
  | 'f: changes do not disturb'
  | 'g: a restart brings everything back'
  | 'bounds'
  | 'leaks';

export interface Violation {
  readonly promise: PromiseName;
  /** Virtual milliseconds. */
  readonly at: number;
  readonly what: string;
}
