import { createHash } from 'node:crypto';
import { closeSync, copyFileSync, fstatSync, linkSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ExternalData, RandomAccess } from '@sparewheel/onnx';

/** A file that stays open until it is closed. */
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
      // Beyond 2 GiB a single read is cut short by the system.
      for (let done = 0; done < length; ) {
        const count = readSync(descriptor, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
        if (count === 0) throw new Error(`${path} ended at byte ${offset + done} while it was read`);
        done += count;
      }
      return bytes;
    },
    close: () => closeSync(descriptor),
  };
}

/** Files in one directory as external data. Locations that lead out of it name nothing. Close it after use. */
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

/** A path relative to the model's directory that stays in it. */
export function isPlainLocation(location: string): boolean {
  return !/^[/\\]|^[A-Za-z]:|\0/.test(location) && !location.split(/[/\\]/).includes('..');
}

/** Writes chunks to a new file and hashes them on the way. */
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

/** Makes a file appear under a second name: as a hard link, or as a copy where the file system has none. */
export function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
