import { processTree, readProc } from './process-tree.ts';

/** Memory of processes on Linux. */
export interface ProcessMemory {
  /** Private memory: heap, buffers, copies of weights. */
  readonly anonymousBytes: number;
  /** Private memory plus the pages of mapped files, which the system can reclaim. */
  readonly residentBytes: number;
  /** Like `residentBytes`, but a page of n processes counts 1/n: what the process adds to the machine. */
  readonly proportionalBytes: number;
}

/**
 * Sums the memory of a process and its descendants. A page that is resident in two of them counts twice in
 * `residentBytes`.
 * @param except  excludes descendants by command line, together with their children
 */
export function memoryOfTree(
  root: number,
  except: (commandLine: string) => boolean = () => false,
  proportional = true,
): ProcessMemory {
  let anonymousBytes = 0;
  let residentBytes = 0;
  let proportionalBytes = 0;
  for (const id of processTree(root, except)) {
    const status = readProc(id, 'status');
    const kilobytes = (field: string) =>
      Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    anonymousBytes += 1024 * kilobytes('RssAnon');
    residentBytes += 1024 * kilobytes('VmRSS');
    proportionalBytes += proportional ? 1024 * proportionalKilobytes(id) : 0;
  }
  return { anonymousBytes, residentBytes, proportionalBytes };
}

/** Reads the proportional set size. Slow: the kernel visits all pages of the process. */
function proportionalKilobytes(id: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readProc(id, 'smaps_rollup'))?.[1] ?? 0);
}

/** Samples a process tree until `stop`, which returns the peaks. Does not measure `proportionalBytes`. */
export function watchMemory(
  root: number,
  except?: (commandLine: string) => boolean,
): { stop(): ProcessMemory } {
  let peak: ProcessMemory = { anonymousBytes: 0, residentBytes: 0, proportionalBytes: 0 };
  const sample = () => {
    const now = memoryOfTree(root, except, false);
    peak = {
      anonymousBytes: Math.max(peak.anonymousBytes, now.anonymousBytes),
      residentBytes: Math.max(peak.residentBytes, now.residentBytes),
      proportionalBytes: 0,
    };
  };
  sample();
  const timer = setInterval(sample, 25);
  return {
    stop() {
      clearInterval(timer);
      sample();
      return peak;
    },
  };
}
