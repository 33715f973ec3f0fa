import { parseArgs } from 'node:util';
import { type Benchmark, type BenchmarkResult, UnsupportedMachineError } from './benchmark.ts';
import { environment } from './environment.ts';
import { registry } from './registry.ts';

const usage = 'npm run -s bench -- NAME [--json] [--minutes M]';

/** Runs one benchmark, or lists all. Returns the exit code: 2 for a wrong command line, else 0. */
async function main(): Promise<number> {
  let name: string | undefined;
  let json = false;
  let minutes: number | undefined;
  try {
    const { values, positionals } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        minutes: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    });
    if (positionals.length > 1)
      throw new Error(`Give one benchmark, not ${positionals.length}: ${positionals.join(', ')}.`);
    name = values.help ? undefined : positionals[0];
    json = values.json;
    if (values.minutes !== undefined) minutes = Number(values.minutes);
    if (minutes !== undefined && !(minutes > 0))
      throw new Error(`--minutes ${values.minutes} is not a positive number.`);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\nUsage: ${usage}`);
    return 2;
  }
  if (name === undefined) {
    await list();
    return 0;
  }
  const load = Object.hasOwn(registry, name) ? registry[name] : undefined;
  if (!load) {
    console.error(`Unknown benchmark "${name}". Choose one of: ${Object.keys(registry).join(', ')}.`);
    return 2;
  }

  const benchmark = await load();
  // With --json, only the result goes to standard output, so that other programs can read it.
  const log = json ? (line: string) => console.error(line) : (line: string) => console.log(line);
  const result = await benchmark.run({ log, ...(minutes === undefined ? {} : { minutes }) });
  const complete = { ...result, details: { ...environment(), ...result.details } };
  if (json) console.log(JSON.stringify(complete));
  else show(complete);
  return 0;
}

async function list(): Promise<void> {
  console.log(`Usage: ${usage}\n`);
  const width = Math.max(...Object.keys(registry).map((name) => name.length));
  for (const [name, load] of Object.entries(registry)) {
    let summary: string;
    try {
      const benchmark: Benchmark = await load();
      summary = benchmark.summary;
    } catch (error) {
      summary = `cannot be loaded: ${error instanceof Error ? error.message : error}`;
    }
    console.log(`  ${name.padEnd(width)}  ${summary}`);
  }
}

function show(result: BenchmarkResult): void {
  console.log(`\n${result.name}: ${Number(result.value.toPrecision(4))} ${result.unit}`);
  console.log(`goal: ${result.goal} (${result.met ? 'met' : 'not met'})`);
  for (const [key, value] of Object.entries(result.details)) {
    if (Array.isArray(value) && typeof value[0] === 'object') {
      console.log(`${key}:`);
      console.table(value);
    } else {
      console.log(`${key}: ${typeof value === 'object' ? JSON.stringify(value) : value}`);
    }
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof UnsupportedMachineError ? error.message : error);
  process.exitCode = 1;
}
