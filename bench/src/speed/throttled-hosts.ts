import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { UnsupportedMachineError } from '../benchmark.ts';
import { type CpuController, cpuLimit, findCpuController } from './control-groups.ts';

const HINT =
  'Run the benchmark as root on Linux, outside a container or in one that may write to /sys/fs/cgroup.';

/** A part of this machine with a fixed share of a core. Processes in it start their child processes in it. */
export class ThrottledHost {
  constructor(private readonly folder: string) {}

  get processIds(): readonly number[] {
    return readFileSync(join(this.folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  }

  /** Moves a running process and its descendants to this host. */
  admit(processId: number): void {
    for (const id of [processId, ...descendants(processId)]) {
      writeFileSync(join(this.folder, 'cgroup.procs'), String(id));
    }
  }

  /** Starts a process on this host. Its id is the child's `pid`. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    // The shell enters the group and then becomes the command.
    const script = 'echo $$ > "$0" && exec "$@"';
    return spawn('sh', ['-c', script, join(this.folder, 'cgroup.procs'), command, ...args], options);
  }
}

/** Equal slow hosts on this machine, made with CPU control groups. */
export class ThrottledHosts {
  readonly hosts: readonly ThrottledHost[];
  readonly #folder: string;
  readonly #signalled = (): void => {
    this.close();
    process.exit(130);
  };

  /**
   * @param cores  the share of each host
   * @throws {UnsupportedMachineError} this machine has no control groups, or too few cores
   */
  constructor(count: number, cores: number) {
    if (count * cores > availableParallelism()) {
      throw new UnsupportedMachineError(
        `${count} hosts of ${cores} cores need more than the ${availableParallelism()} cores of this machine.`,
      );
    }
    const controller = mountedController();
    this.#folder = join(controller.root, `sparewheel-bench-${process.pid}`);
    const folders = Array.from({ length: count }, (_, index) => join(this.#folder, `host-${index}`));
    try {
      if (controller.version === 2) writeFileSync(join(controller.root, 'cgroup.subtree_control'), '+cpu');
      mkdirSync(this.#folder);
      if (controller.version === 2) writeFileSync(join(this.#folder, 'cgroup.subtree_control'), '+cpu');
      for (const folder of folders) {
        mkdirSync(folder);
        for (const [file, content] of cpuLimit(controller.version, cores))
          writeFileSync(join(folder, file), content);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      removeGroups(this.#folder);
      throw new UnsupportedMachineError(`Cannot create CPU control groups (${reason}). ${HINT}`);
    }
    this.hosts = folders.map((folder) => new ThrottledHost(folder));
    process.once('SIGINT', this.#signalled);
    process.once('SIGTERM', this.#signalled);
  }

  /** Kills the processes that are still on the hosts, and removes the control groups. */
  close(): void {
    process.off('SIGINT', this.#signalled);
    process.off('SIGTERM', this.#signalled);
    // A killed process leaves its group after a moment, and the group cannot be removed before.
    for (let attempt = 0; attempt < 500; attempt++) {
      const left = this.hosts.flatMap(({ processIds }) => processIds);
      if (left.length === 0) break;
      for (const id of left) {
        try {
          process.kill(id, 'SIGKILL');
        } catch {
          // It ended by itself.
        }
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
    removeGroups(this.#folder);
  }
}

function mountedController(): CpuController {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  };
  const controller = findCpuController(read('/proc/mounts'), (root) =>
    read(join(root, 'cgroup.controllers')),
  );
  if (controller) return controller;
  throw new UnsupportedMachineError(`This machine has no CPU control groups. ${HINT}`);
}

/** Removes a group and the groups in it. A folder of a control group has no files that need removal. */
function removeGroups(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) rmdirSync(join(folder, entry.name));
    }
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function descendants(processId: number): number[] {
  const children = readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${entry}/status`, 'utf8'))?.[1];
      return Number(parent) === processId;
    } catch {
      return false;
    }
  });
  return children.map(Number).flatMap((child) => [child, ...descendants(child)]);
}
