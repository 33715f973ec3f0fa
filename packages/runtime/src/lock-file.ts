import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

interface Holder {
  readonly processId: number;
  /** Distinguishes processes with the same number; null on systems other than Linux. */
  readonly startedAt: string | null;
}

/** Another process, or another part of this one, holds the lock. */
export class LockedError extends Error {
  override readonly name = 'LockedError';

  constructor(
    readonly path: string,
    readonly processId: number,
  ) {
    super(`${path} is locked by the process with id ${processId}`);
  }
}

/** The lock files of this process. */
const held = new Set<string>();

/**
 * Locks a file for this process. Takes over a lock whose process has ended. Creates the folder of the file.
 *
 * The lock names its process and is written once. A lock with a heartbeat, such as proper-lockfile's, would write to
 * the SD card of a Raspberry Pi all the time and delay a restart after a crash.
 * @returns releases the lock
 * @throws {LockedError}
 */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true });
  const own = `${path}.${process.pid}`;
  const claim: Holder = { processId: process.pid, startedAt: await startOf(process.pid) };
  await writeFile(own, JSON.stringify(claim), { mode: 0o600 });
  try {
    for (;;) {
      try {
        // A link creates the complete lock file at once, so no process reads an incomplete one.
        await link(own, path);
        held.add(path);
        return () => unlock(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await readHolder(path);
      if (holder !== null && (await isHeld(path, holder))) throw new LockedError(path, holder.processId);
      await rm(path, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
}

async function unlock(path: string): Promise<void> {
  held.delete(path);
  await rm(path, { force: true });
}

/** Returns null for a damaged lock file. */
async function readHolder(path: string): Promise<Holder | null> {
  try {
    const { processId, startedAt } = JSON.parse(await readFile(path, 'utf8')) as Partial<Holder>;
    if (!Number.isSafeInteger(processId) || processId! <= 0) return null;
    return { processId: processId!, startedAt: typeof startedAt === 'string' ? startedAt : null };
  } catch {
    return null;
  }
}

async function isHeld(path: string, { processId, startedAt }: Holder): Promise<boolean> {
  // An earlier process had the same number, as in a restarted container, unless this process holds the lock.
  if (processId === process.pid) return held.has(path);
  try {
    process.kill(processId, 0);
  } catch (error) {
    // Any other error, such as EPERM, means that the process exists.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return startedAt === null || (await startOf(processId)) === startedAt;
}

/** Returns a process's start in clock ticks since boot; null if it has ended, and on systems other than Linux. */
async function startOf(processId: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${processId}/stat`, 'utf8');
    // Field 2, the name in parentheses, may contain spaces and parentheses. The others follow it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    // A zombie has ended, but its parent has not read its exit code.
    return state === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
