import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';

/** Returns the machine, runtime and commit of a measurement. */
export function environment(): Record<string, unknown> {
  return {
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memoryGb: Math.round(totalmem() / 2 ** 30),
      architecture: `${process.platform}-${process.arch}`,
    },
    node: process.versions.node,
    commit: commit(),
    date: new Date().toISOString(),
  };
}

/** Returns the checked-out commit, with the suffix `-modified` if tracked files differ from it. */
function commit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
    const hash = git('rev-parse', '--short=12', 'HEAD');
    return git('status', '--porcelain', '--untracked-files=no') === '' ? hash : `${hash}-modified`;
  } catch {
    return 'unknown';
  }
}
