/** What `npm run -s bench -- NAME --json` prints as its last line. */
export interface BenchmarkResult {
  name: string;
  /** The headline: where several cases were measured, the worst of them. */
  value: number;
  unit: string;
  goal: string;
  met: boolean;
  /** Every case, with shapes and seed. Machine, runtime and commit are added by the command line. */
  details: Record<string, unknown>;
}

export interface Benchmark {
  name: string;
  /** One line for the list of benchmarks. */
  summary: string;
  /** @param minutes  how long a benchmark that takes its time may take, where it was said */
  run(options: { log(line: string): void; minutes?: number }): Promise<BenchmarkResult>;
}
