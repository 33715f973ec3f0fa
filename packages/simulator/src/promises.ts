/** The guarantees of docs/LIMITS.md by letter. `bounds` and `leaks` are the promises in its tables. */
export type PromiseName =
  | 'a: repairable failures delay no request'
  | 'b: beyond repair, rescue and then takeover'
  | 'c: one answer or one error before the deadline'
  | 'd: no wrong answer goes unnoticed'
  | 'e: a returning device serves without a transfer'
  | 'f: changes disturb no request'
  | 'g: a restart restores everything'
  | 'h: a device that computes is not silent'
  | 'mirrors: a copy of each request, and no effect on the original'
  | 'batches: only requests whose policy allows it'
  | 'bounds'
  | 'leaks';

export interface Violation {
  readonly promise: PromiseName;
  /** Virtual milliseconds. */
  readonly at: number;
  readonly what: string;
}
