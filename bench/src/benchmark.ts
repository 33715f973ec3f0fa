/** The result of a benchmark. `npm run -s bench -- NAME --json` prints it as its last line. */
export interface BenchmarkResult {
  name: string;
  /** The headline figure. With several cases, the worst of them. */
  value: number;
  unit: string;
  goal: string;
  met: boolean;
  /** Every case, with shapes and seed. The command line adds machine, runtime and commit. */
  details: Record<string, unknown>;
}

export interface Benchmark {
  name: string;
  /** One line for the list of benchmarks. */
  summary: string;
  /** @param minutes  duration of a benchmark that runs for minutes; absent means its default */
  run(options: { log(line: string): void; minutes?: number }): Promise<BenchmarkResult>;
}

/** This machine lacks something that the benchmark needs. The message says what, and what to do. */
export class UnsupportedMachineError extends Error {
  override readonly name = 'UnsupportedMachineError';
}
