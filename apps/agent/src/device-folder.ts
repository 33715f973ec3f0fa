/** The lock and the identity in a device's folder. */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DeviceIdentity, deviceIdentitySchema } from '@sparewheel/protocol';
import { z } from 'zod';

const holderSchema = z.object({ processId: z.number().int().positive(), startedAt: z.string().nullable() });
type Holder = z.infer<typeof holderSchema>;

/** Another agent uses the folder. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError';
  readonly folder: string;
  readonly processId: number;

  constructor(folder: string, processId: number) {
    super(`${folder} is in use by the agent with process id ${processId}`);
    this.folder = folder;
    this.processId = processId;
  }
}

/**
 * Locks a folder for this process. Takes over a lock whose process has ended.
 * @returns releases the lock
 * @throws {FolderInUseError}
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'lock');
  const own = `${path}.${process.pid}`;
  const claim: Holder = { processId: process.pid, startedAt: startOf(process.pid) };
  await writeFile(own, JSON.stringify(claim));
  try {
    for (;;) {
      try {
        // A link creates the complete lock file at once, so no process reads an incomplete one.
        await link(own, path);
        return () => rm(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await readHolder(path);
      if (holder !== null && isRunning(holder)) throw new FolderInUseError(folder, holder.processId);
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
  // Process numbers are reused; the start time distinguishes the processes.
  return startedAt === null || startOf(processId) === startedAt;
}

/** Returns a process's start in clock ticks since boot; null on systems other than Linux. */
function startOf(processId: number): string | null {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'utf8');
    // Field 22. Field 2, the name in parentheses, may contain spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/**
 * Reads a device's identity, or creates it the first time. The identity belongs to the folder, not to the
 * device's name.
 * @throws the file is damaged; it is not replaced, because the data plane knows the device by it
 */
export async function loadIdentity(folder: string): Promise<DeviceIdentity> {
  const path = join(folder, 'identity.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return createIdentity(folder, path);
  }
  try {
    return deviceIdentitySchema.parse(JSON.parse(text));
  } catch {
    throw new Error(`${path} is damaged; delete it to join as a new device`);
  }
}

async function createIdentity(folder: string, path: string): Promise<DeviceIdentity> {
  const identity = { id: randomUUID(), secret: randomBytes(32).toString('hex') };
  await mkdir(folder, { recursive: true });
  // Only the owner may read the secret: it is the device's only credential.
  await writeFile(`${path}.new`, JSON.stringify(identity), { mode: 0o600 });
  await rename(`${path}.new`, path);
  return identity;
}
