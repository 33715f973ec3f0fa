import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DeviceIdentity, deviceIdentitySchema } from '@sparewheel/protocol';

/**
 * Reads a device's identity, or makes one the first time. It stays with the folder: a device that returns is the same
 * device, whatever it is called.
 * @throws the file is there but is not an identity: its shards may belong to it, so it is not replaced silently
 */
export async function loadIdentity(folder: string): Promise<DeviceIdentity> {
  const path = join(folder, 'identity.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return makeIdentity(folder, path);
  }
  try {
    return deviceIdentitySchema.parse(JSON.parse(text));
  } catch {
    throw new Error(`${path} is damaged; delete it, and the device joins as a new one`);
  }
}

async function makeIdentity(folder: string, path: string): Promise<DeviceIdentity> {
  const identity = { id: randomUUID(), secret: randomBytes(32).toString('hex') };
  await mkdir(folder, { recursive: true });
  // Readable for its owner only: the secret is all that proves a device to be itself.
  await writeFile(`${path}.new`, JSON.stringify(identity), { mode: 0o600 });
  await rename(`${path}.new`, path);
  return identity;
}
