import { createHash } from 'node:crypto';
import { closeSync, copyFileSync, fstatSync, linkSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ExternalData, RandomAccess } from '@sparewheel/onnx';

/** A file descriptor with random access. The caller must close it. */
export interface OpenFile extends RandomAccess {
  close(): void;
}

export function openFile(path: string): OpenFile {
  const descriptor = openSync(path, 'r');
  const { size } = fstatSync(descriptor);
  return {
    size,
    read(offset, length, into) {
      const bytes = into?.subarray(0, length) ?? new Uint8Array(length);
      // The system limits a single read to 2 GiB.
      for (let done = 0; done < length; ) {
        const count = readSync(descriptor, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
        if (count === 0) throw new Error(`${path} was truncated to ${offset + done} bytes while being read`);
        done += count;
      }
      return bytes;
    },
    close: () => closeSync(descriptor),
  };
}

/**
 * Reads external data from the files of one directory. Locations outside the directory count as missing
 * files. The caller must close it.
 */
export function externalDataIn(directory: string): ExternalData & { close(): void } {
  const files = new Map<string, OpenFile>();
  return {
    read(location, offset, length, into) {
      if (!isPlainLocation(location)) return undefined;
      let file = files.get(location);
      if (!file) {
        try {
          file = openFile(join(directory, location));
        } catch {
          return undefined;
        }
        files.set(location, file);
      }
      const end = length === undefined ? file.size : offset + length;
      return end > file.size || offset > end ? undefined : file.read(offset, end - offset, into);
    },
    close() {
      for (const file of files.values()) file.close();
      files.clear();
    },
  };
}

/** Returns whether a location is a relative path inside the model's directory. */
export function isPlainLocation(location: string): boolean {
  return !/^[/\\]|^[A-Za-z]:|\0/.test(location) && !location.split(/[/\\]/).includes('..');
}

/**
 * Writes chunks to a new file and hashes them.
 * @throws {Error} the file exists (EEXIST), or the system's error
 */
export function writeHashed(path: string, chunks: Iterable<Uint8Array>): { sha256: string; bytes: number } {
  const hash = createHash('sha256');
  const descriptor = openSync(path, 'wx');
  let bytes = 0;
  try {
    for (const chunk of chunks) {
      hash.update(chunk);
      for (let done = 0; done < chunk.byteLength; ) {
        done += writeSync(descriptor, chunk, done, Math.min(chunk.byteLength - done, 2 ** 30));
      }
      bytes += chunk.byteLength;
    }
  } finally {
    closeSync(descriptor);
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** Creates a hard link, or a copy if the file system does not support links. */
export function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
