/**
 * Models whose weights are in files of their own (ONNX external data) come as a tar archive of all of them:
 * `tar cf - model.onnx model.onnx.data | curl --data-binary @- …`. Read from the file that was uploaded, written out
 * piece by piece. Blocks: for the model builder.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ModelRejectedError } from '@sparewheel/onnx';

const BLOCK_BYTES = 512;
const PIECE_BYTES = 2 ** 20;
/** A model has a handful of data files; some exporters write one for every tensor. */
const MOST_FILES = 10_000;
/** Longer names than a header has room for come in a record of their own; a path is not longer than this. */
const MOST_NAME_BYTES = 64 * 1024;

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly offset: number;
  readonly bytes: number;
}

/** Whether the file is a tar archive, by the magic in its first header; no ONNX file has it there. */
export function isArchive(path: string): boolean {
  const descriptor = openSync(path, 'r');
  try {
    return readAt(descriptor, 257, 5).toString('latin1') === 'ustar';
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Unpacks the files of an archive into a directory; links, devices and the like are left out.
 * @returns the path of the one ONNX file among them
 * @throws {ModelRejectedError} TRUNCATED, or NOT_ONNX: it is damaged, leads out of the directory, or has not one model
 */
export function unpackModel(archive: string, directory: string): string {
  const descriptor = openSync(archive, 'r');
  try {
    const models: string[] = [];
    let files = 0;
    for (const { name, type, offset, bytes } of entries(descriptor)) {
      if (type !== '0' && type !== '\0') continue;
      if (++files > MOST_FILES) throw refused(`it has more than ${MOST_FILES} files`);
      const parts = name.split('/').filter((part) => part !== '' && part !== '.');
      if (parts.length === 0 || parts.includes('..') || name.startsWith('/') || /[\\\0]/.test(name)) {
        throw refused(`its file "${name}" would lie outside of it`);
      }
      const path = join(directory, ...parts);
      mkdirSync(dirname(path), { recursive: true });
      copyRange(descriptor, offset, bytes, path);
      if (/\.onnx$/i.test(name)) models.push(path);
    }
    if (models.length !== 1) throw refused(`it has ${models.length} files *.onnx, not one`);
    return models[0]!;
  } finally {
    closeSync(descriptor);
  }
}

function* entries(descriptor: number): Generator<Entry> {
  const { size } = fstatSync(descriptor);
  let longName: string | null = null;
  for (let at = 0; at + BLOCK_BYTES <= size; ) {
    const header = readAt(descriptor, at, BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) return;
    if (readNumber(header, 148, 8) !== checksum(header)) throw refused(`its header at byte ${at} is damaged`);
    const bytes = readNumber(header, 124, 12);
    const type = header.toString('latin1', 156, 157);
    const offset = at + BLOCK_BYTES;
    if (!Number.isSafeInteger(bytes) || offset + bytes > size) {
      throw new ModelRejectedError(
        'TRUNCATED',
        `the archive breaks off: byte ${at} announces ${bytes} bytes, and ${size - offset} are left`,
        'upload it again; it may have been cut short on the way',
      );
    }
    at = offset + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
    if (type === 'L' || type === 'x') {
      if (bytes > MOST_NAME_BYTES) throw refused('it has a name that is too long');
      const record = readAt(descriptor, offset, bytes).toString('utf8');
      // GNU's long name ends with a zero; POSIX's is one of several "LENGTH KEY=VALUE" lines.
      longName =
        type === 'L' ? record.replace(/\0.*$/s, '') : (/^\d+ path=(.*)$/m.exec(record)?.[1] ?? longName);
      continue;
    }
    const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? readText(header, 345, 155) : '';
    const short = readText(header, 0, 100);
    yield { name: longName ?? (prefix === '' ? short : `${prefix}/${short}`), type, offset, bytes };
    longName = null;
  }
}

function readAt(descriptor: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, buffer, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return buffer;
}

function readText(header: Buffer, start: number, length: number): string {
  return header.toString('utf8', start, start + length).replace(/\0.*$/s, '');
}

/** Octal digits, or GNU's big-endian binary where the first bit is set. */
function readNumber(header: Buffer, start: number, length: number): number {
  if ((header[start]! & 0x80) === 0) return Number.parseInt(readText(header, start, length).trim() || '0', 8);
  let value = header[start]! & 0x7f;
  for (let i = 1; i < length; i++) value = value * 256 + header[start + i]!;
  return value;
}

/** The sum of the header's bytes, with its own field counted as spaces. */
function checksum(header: Buffer): number {
  return header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
}

function copyRange(from: number, offset: number, bytes: number, path: string): void {
  const to = openSync(path, 'w');
  try {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, Math.max(1, bytes)));
    for (let done = 0; done < bytes; ) {
      const count = readSync(from, piece, 0, Math.min(piece.length, bytes - done), offset + done);
      for (let written = 0; written < count; ) written += writeSync(to, piece, written, count - written);
      done += count;
    }
  } finally {
    closeSync(to);
  }
}

function refused(what: string): ModelRejectedError {
  return new ModelRejectedError(
    'NOT_ONNX',
    `the archive cannot be taken: ${what}`,
    'put one *.onnx file and its data files into it: tar cf - model.onnx model.onnx.data',
  );
}
