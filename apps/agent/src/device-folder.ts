/** The lock and the identity in a device's folder. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DeviceIdentity, deviceIdentitySchema } from '@sparewheel/protocol';
import { LockedError, lockFile } from '@sparewheel/runtime/lock-file';

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
  try {
    return await lockFile(join(folder, 'lock'));
  } catch (error) {
    if (error instanceof LockedError) throw new FolderInUseError(folder, error.processId);
    throw error;
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
