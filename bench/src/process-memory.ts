import { readdirSync, readFileSync } from 'node:fs';

/** Memory of processes, in bytes; Linux. */
export interface ProcessMemory {
  /** What the process alone needs: heap, buffers, copies of weights. */
  readonly anonymousBytes: number;
  /** With the pages of mapped files, which the system takes back when it needs them. */
  readonly residentBytes: number;
}

/** Of a process and all processes below it, together; a file that two of them map counts twice. */
export function memoryOfTree(
  root: number,
  except: (commandLine: string) => boolean = () => false,
): ProcessMemory {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readProc(entry, 'status'))?.[1] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  let anonymousBytes = 0;
  let residentBytes = 0;
  const visit = (id: number) => {
    if (id !== root && except(readProc(String(id), 'cmdline'))) return;
    const status = readProc(String(id), 'status');
    const kilobytes = (field: string) =>
      Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    anonymousBytes += 1024 * kilobytes('RssAnon');
    residentBytes += 1024 * kilobytes('VmRSS');
    for (const child of children.get(id) ?? []) visit(child);
  };
  visit(root);
  return { anonymousBytes, residentBytes };
}

/** Empty where the process has ended. */
function readProc(id: string, file: string): string {
  try {
    return readFileSync(`/proc/${id}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Samples a process tree until it is stopped, and keeps the peak of each kind. */
export function watchMemory(
  root: number,
  except?: (commandLine: string) => boolean,
): { stop(): ProcessMemory } {
  let peak: ProcessMemory = { anonymousBytes: 0, residentBytes: 0 };
  const sample = () => {
    const now = memoryOfTree(root, except);
    peak = {
      anonymousBytes: Math.max(peak.anonymousBytes, now.anonymousBytes),
      residentBytes: Math.max(peak.residentBytes, now.residentBytes),
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
