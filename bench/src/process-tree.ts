import { readdirSync, readFileSync } from 'node:fs';

/** The kernel's unit of processor time on Linux, `getconf CLK_TCK`. */
const TICKS_PER_SECOND = 100;

/**
 * Returns a process and its descendants on Linux.
 * @param except  excludes descendants by command line, together with their children
 */
export function processTree(root: number, except: (commandLine: string) => boolean = () => false): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const id = Number(entry);
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readProc(id, 'status'))?.[1] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), id]);
  }
  const found: number[] = [];
  const visit = (id: number) => {
    if (id !== root && except(readProc(id, 'cmdline'))) return;
    found.push(id);
    for (const child of children.get(id) ?? []) visit(child);
  };
  visit(root);
  return found;
}

/** Returns the processor time of running processes since their start. */
export function processorSeconds(processes: readonly number[]): number {
  let ticks = 0;
  for (const id of processes) {
    // The name of the program may contain spaces; the fields follow its closing parenthesis. [man proc_pid_stat]
    const fields = readProc(id, 'stat').split(') ').at(-1)?.split(' ') ?? [];
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Returns an empty string if the process has ended. */
export function readProc(id: number, file: string): string {
  try {
    return readFileSync(`/proc/${id}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
