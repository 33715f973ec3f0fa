/** Keeps two control planes out of one home: they would share a database, tokens and device identities. */
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { StartupError } from './startup-error.ts';

const holderSchema = z.object({
  processId: z.number().int().positive(),
  /** Tells a process from a later one with the same number; null where the system does not say. */
  processStart: z.string().nullable(),
});
type Holder = z.infer<typeof holderSchema>;

/**
 * Takes the home for this process. A lock whose process is gone is taken over.
 * @returns releases it
 * @throws {StartupError} another process has it, or the home cannot be written
 */
export async function lockHome(home: string): Promise<() => Promise<void>> {
  const path = join(home, 'control-plane.lock');
  const mine: Holder = { processId: process.pid, processStart: await processStart(process.pid) };
  try {
    await mkdir(home, { recursive: true });
    // Twice at most: a stale lock is removed once, and whoever wins the race for the new one keeps it.
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        const file = await open(path, 'wx', 0o600);
        await file.writeFile(JSON.stringify(mine));
        await file.close();
        return () => rm(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await readHolder(path);
      if (holder !== null && (await isAlive(holder))) throw heldBy(home, holder.processId);
      await rm(path, { force: true });
    }
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(
      `The folder ${home} cannot be used: ${(error as Error).message}.`,
      'Choose another with SPAREWHEEL_HOME.',
    );
  }
  throw heldBy(home, null);
}

function heldBy(home: string, processId: number | null): StartupError {
  const who = processId === null ? 'Another Sparewheel' : `Another Sparewheel (process ${processId})`;
  return new StartupError(
    `${who} is using ${home}.`,
    'Stop it first, or give this one a home of its own with SPAREWHEEL_HOME (and ports with PORT and DATA_PORT).',
  );
}

/** @returns null for a lock that says nothing: its writer died before it had written */
async function readHolder(path: string): Promise<Holder | null> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

async function isAlive({ processId, processStart: started }: Holder): Promise<boolean> {
  if (processId === process.pid) return false;
  try {
    process.kill(processId, 0);
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = await processStart(processId);
  return started === null || now === null || started === now;
}

/** Ticks since boot at which a process started, on Linux. */
async function processStart(processId: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${processId}/stat`, 'utf8');
    // Field 22; the second one is the command in parentheses and may hold spaces.
    const afterCommand = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended, though its parent has not looked.
    if (afterCommand[0] === 'Z') return 'ended';
    return afterCommand[19] ?? null;
  } catch {
    return null;
  }
}
