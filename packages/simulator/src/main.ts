/** `npm run -s simulate -- --seeds N [--first S] [--workers W] [--json]`, or `-- --seed S` to replay one. */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.ts';
import { huntAll } from './mutant-hunt.ts';
import { simulate } from './simulation.ts';

const USAGE = 'npm run -s simulate -- --seeds N [--first S] [--workers W] [--no-mutants] [--json] | --seed S';
const DEFAULT_SEEDS = 1_000;
/** Interval between lines of progress. */
const REPORT_EVERY_MS = 10_000;

interface Arguments {
  readonly seeds: number;
  readonly first: number;
  readonly workers: number;
  readonly mutants: boolean;
  readonly json: boolean;
  /** A single seed to replay. */
  readonly seed: number | null;
}

/** @throws {Error} an argument is unknown or invalid */
function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      first: { type: 'string' },
      seed: { type: 'string' },
      workers: { type: 'string' },
      mutants: { type: 'boolean', default: true },
      json: { type: 'boolean', default: false },
    },
    allowNegative: true,
  });
  const whole = (name: 'seeds' | 'first' | 'seed' | 'workers', otherwise: number): number => {
    const text = values[name];
    if (text === undefined) return otherwise;
    const number = Number(text);
    if (!Number.isSafeInteger(number) || number < 1)
      throw new Error(`--${name} must be an integer of at least 1`);
    return number;
  };
  return {
    seeds: whole('seeds', DEFAULT_SEEDS),
    first: whole('first', 1),
    workers: whole('workers', Math.min(2, cpus().length)),
    mutants: values.mutants,
    json: values.json,
    seed: values.seed === undefined ? null : whole('seed', 1),
  };
}

/** Returns the exit code: 0 if every promise held and every mutant was caught, 1 if not, 2 for wrong arguments. */
async function main(): Promise<number> {
  let given: Arguments;
  try {
    given = readArguments();
  } catch (error) {
    console.error(`${(error as Error).message}\nUsage: ${USAGE}`);
    return 2;
  }
  return given.seed === null ? campaign(given) : replay(given.seed, given.json);
}

async function replay(seed: number, json: boolean): Promise<number> {
  const startedAt = performance.now();
  const { violations, hash } = await simulate(seed, { print: (line) => console.log(line) });
  for (const { promise, at, what } of violations)
    console.log(`BROKEN at ${at.toFixed(3)}  ${promise}: ${what}`);
  console.log(`seed ${seed}: ${violations.length} promises broken, trace ${hash}`);
  const seconds = (performance.now() - startedAt) / 1_000;
  if (json) print({ seeds: 1, violations: violations.length, seconds, mutants: { caught: 0, total: 0 } });
  return violations.length === 0 ? 0 : 1;
}

async function campaign({ seeds, first, workers, mutants, json }: Arguments): Promise<number> {
  const log = json ? console.error : console.log;
  const startedAt = performance.now();
  const elapsed = () => (performance.now() - startedAt) / 1_000;
  let reportedAt = startedAt;
  let reportedFailing = 0;
  const result = await runCampaign({ first, count: seeds }, workers, ({ done, failing }) => {
    for (const { seed, violations } of failing.slice(reportedFailing)) {
      log(`seed ${seed}: ${violations[0]!.promise}: ${violations[0]!.what}`);
    }
    reportedFailing = failing.length;
    if (performance.now() - reportedAt < REPORT_EVERY_MS) return;
    reportedAt = performance.now();
    log(`${done} seeds, ${(done / elapsed()).toFixed(1)} a second, ${failing.length} failing`);
  });
  const seconds = elapsed();
  const { failing, coverage, events } = result;
  log(
    `${seeds} seeds in ${seconds.toFixed(1)} s: ${(seeds / seconds).toFixed(1)} a second, ` +
      `${Math.round(events / seconds)} events a second, ${failing.length} failing`,
  );
  for (const [what, count] of Object.entries(coverage)) log(`  ${what.padEnd(24)} ${count}`);
  if (failing.length > 0) log(`Replay one with: npm run -s simulate -- --seed ${failing[0]!.seed}`);
  const hunted = mutants ? await huntAll() : { caught: 0, total: 0, missed: [] };
  if (mutants)
    log(
      `${hunted.caught} of ${hunted.total} mutants caught${hunted.missed.map((name) => `; missed: ${name}`).join('')}`,
    );
  const { caught, total } = hunted;
  const violations = failing.reduce((sum, each) => sum + each.violations.length, 0);
  if (json) print({ seeds, violations, seconds, mutants: { caught, total } });
  return violations === 0 && caught === total ? 0 : 1;
}

function print(result: object): void {
  console.log(JSON.stringify(result));
}

process.exitCode = await main();
