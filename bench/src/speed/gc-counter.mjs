/**
 * Counts full garbage collections. NODE_OPTIONS=--import loads it into each thread of a process, except into workers
 * made from a string of CommonJS. It appends one byte per full collection to the file PROCESS-THREAD in the folder
 * SPAREWHEEL_GC_COUNTS. The size of the file is the count, also after the process was killed.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { threadId } from 'node:worker_threads';

const folder = process.env.SPAREWHEEL_GC_COUNTS;
if (folder) {
  const file = join(folder, `${process.pid}-${threadId}`);
  new PerformanceObserver((list) => {
    const full = list
      .getEntries()
      .filter(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR).length;
    if (full > 0) appendFileSync(file, '.'.repeat(full));
  }).observe({ entryTypes: ['gc'] });
}
