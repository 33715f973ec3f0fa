import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** One read. Hashing it takes about a millisecond, so the thread stays responsive. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * Returns the SHA-256 of a file in hexadecimal. Reads in the thread pool, and hashes on this thread.
 * @throws the error of the file system
 */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const file = await open(path, 'r');
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** Returns whether a file has this SHA-256. False if it does not exist. */
export async function hasHash(path: string, sha256: string): Promise<boolean> {
  try {
    return (await hashFile(path)) === sha256;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
