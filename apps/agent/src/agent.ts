/**
 * `npm run agent`: joins this machine to a fleet.
 * Exit codes: 0 ended by a signal or with the parent process, 1 failed or refused by the data plane, 2 wrong
 * usage, 3 another agent uses the folder.
 */
import { createLog } from '@sparewheel/runtime/log';
import { parseCommandLine, USAGE, UsageError } from './command-line.ts';
import { FolderInUseError } from './device-folder.ts';
import { findDataPlane } from './find-data-plane.ts';
import { Supervisor } from './supervisor.ts';

function fail(error: unknown): never {
  console.error(`sparewheel agent: ${error instanceof Error ? error.message : String(error)}`);
  if (error instanceof UsageError) console.error('  use --help for the options');
  process.exit(error instanceof UsageError ? 2 : error instanceof FolderInUseError ? 3 : 1);
}

async function main(): Promise<void> {
  const options = parseCommandLine(process.argv.slice(2), process.env);
  if (options === null) {
    console.log(USAGE);
    return;
  }
  const log = createLog('agent');
  const url = options.url ?? (await findDataPlane((message) => log.info(message)));
  if (options.url === null) log.info(`found ${url}`);
  const join = { ...options, url };
  const supervisor = new Supervisor(join, log, (error) => void supervisor.stop().finally(() => fail(error)));
  const end = () => void supervisor.stop().finally(() => process.exit(0));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  if (options.withParent) {
    process.stdin.on('end', end).on('close', end).on('error', end).resume();
    process.on('disconnect', end);
  }
  try {
    await supervisor.start(join);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

await main().catch(fail);
