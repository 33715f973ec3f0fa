import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const NANOSECONDS_PER_MS = 1e6;

/**
 * Reads the processor time from `/proc/PID/task/TID/schedstat`: "RUN_NS WAIT_NS SLICES".
 * @returns milliseconds on a processor
 * @throws {Error} the text has another form
 */
export function parseSchedstat(text: string): number {
  const runNs = /^(\d+) \d+ \d+\s*$/.exec(text)?.[1];
  if (runNs === undefined) throw new Error(`not the content of a schedstat file: "${text}"`);
  return Number(runNs) / NANOSECONDS_PER_MS;
}

/** Processor time in milliseconds, by thread id. */
export type ThreadTimes = ReadonlyMap<string, number>;

/** Returns the processor time of each thread of a process since its start. Linux only. */
export function threadTimes(processId: number | 'self'): ThreadTimes {
  const tasks = `/proc/${processId}/task`;
  const times = new Map<string, number>();
  for (const thread of readdirSync(tasks)) {
    try {
      times.set(thread, parseSchedstat(readFileSync(`${tasks}/${thread}/schedstat`, 'utf8')));
    } catch (error) {
      // The thread ended after its folder was listed.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return times;
}

/** Returns the processor time in milliseconds between two readings. A thread that ended between them is missing. */
export function elapsed(before: ThreadTimes, after: ThreadTimes): number {
  let sum = 0;
  for (const [thread, time] of after) sum += time - (before.get(thread) ?? 0);
  return sum;
}

/**
 * Returns the environment in which a process, its threads and its child processes count their full garbage
 * collections in a folder.
 */
export function countingCollections(folder: string): { NODE_OPTIONS: string; SPAREWHEEL_GC_COUNTS: string } {
  const counter = new URL('./gc-counter.mjs', import.meta.url).href;
  const options = [process.env.NODE_OPTIONS, `--import ${counter}`].filter(Boolean).join(' ');
  return { NODE_OPTIONS: options, SPAREWHEEL_GC_COUNTS: folder };
}

/** Returns the full garbage collections of all threads of a process since its start. */
export function fullCollections(folder: string, processId: number): number {
  return readdirSync(folder)
    .filter((file) => file.startsWith(`${processId}-`))
    .reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}
