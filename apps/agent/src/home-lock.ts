import { readFileSync } from 'node:fs';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const holderSchema = z.object({ processId: z.number().int().positive(), startedAt: z.string().nullable() });
type Holder = z.infer<typeof holderSchema>;

/** Another agent runs on the same folder. */
export class HomeInUseError extends Error {
  override readonly name = 'HomeInUseError';
  readonly folder: string;
  readonly processId: number;

  constructor(folder: string, processId: number) {
    super(`${folder} is in use by the agent with process id ${processId}`);
    this.folder = folder;
    this.processId = processId;
  }
}

/**
 * Claims a folder for this process. A claim whose process has ended, however it ended, does not count.
 * @returns gives the folder back
 * @throws {HomeInUseError}
 */
export async function lockHome(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'lock');
  const own = `${path}.${process.pid}`;
  const claim: Holder = { processId: process.pid, startedAt: startOf(process.pid) };
  await writeFile(own, JSON.stringify(claim));
  try {
    for (;;) {
      try {
        // Linking either makes the whole lock or fails: no one ever reads half of one.
        await link(own, path);
        return () => rm(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await readHolder(path);
      if (holder !== null && isRunning(holder)) throw new HomeInUseError(folder, holder.processId);
      await rm(path, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

function isRunning({ processId, startedAt }: Holder): boolean {
  try {
    process.kill(processId, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  // The number may belong to another process by now; the time at which it started tells.
  return startedAt === null || startOf(processId) === startedAt;
}

/** When a process started, in clock ticks since boot, where the system says (Linux). */
function startOf(processId: number): string | null {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'utf8');
    // Field 22; the second field is the name in parentheses, which may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
