import { readdirSync, readFileSync } from 'node:fs';

/** Memory of processes, in bytes; Linux. */
export interface ProcessMemory {
  /** What the process alone needs: heap, buffers, copies of weights. */
  readonly anonymousBytes: number;
  /** With the pages of mapped files, which the system takes back when it needs them. */
  readonly residentBytes: number;
  /** As resident, but a page that several processes map counts as their share of it: what the process adds to the machine. */
  readonly proportionalBytes: number;
}

/** Of a process and all processes below it, together; what is resident in two of them counts twice. */
export function memoryOfTree(
  root: number,
  except: (commandLine: string) => boolean = () => false,
  proportional = true,
): ProcessMemory {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readProc(entry, 'status'))?.[1] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  let anonymousBytes = 0;
  let residentBytes = 0;
  let proportionalBytes = 0;
  const visit = (id: number) => {
    if (id !== root && except(readProc(String(id), 'cmdline'))) return;
    const status = readProc(String(id), 'status');
    const kilobytes = (field: string) =>
      Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    anonymousBytes += 1024 * kilobytes('RssAnon');
    residentBytes += 1024 * kilobytes('VmRSS');
    proportionalBytes += proportional ? 1024 * proportionalKilobytes(id) : 0;
    for (const child of children.get(id) ?? []) visit(child);
  };
  visit(root);
  return { anonymousBytes, residentBytes, proportionalBytes };
}

/** The kernel goes through all pages of the process for it: not to be asked often. */
function proportionalKilobytes(id: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readProc(String(id), 'smaps_rollup'))?.[1] ?? 0);
}

/** Empty where the process has ended. */
function readProc(id: string, file: string): string {
  try {
    return readFileSync(`/proc/${id}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Samples a process tree until it is stopped, and keeps the peak of each kind but the proportional. */
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
