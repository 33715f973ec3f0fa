/**
 * Unpacks an upload of several files: an ONNX model with its data files, or a TensorFlow.js model with its weight
 * files. A client uploads them as one tar or zip archive:
 * `tar cf - model.onnx model.onnx.data | curl --data-binary @- …`.
 */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ModelRejectedError } from '@sparewheel/onnx';
import { extract } from 'tar-stream';
import { type ArchiveEntry, zipEntries } from './zip-entries.ts';

const TAR_MAGIC = 'ustar';
const TAR_MAGIC_OFFSET = 257;
const ZIP_MAGIC = 'PK';
/** A model has a handful of data files; some exporters write one per tensor. */
const MAX_FILES = 10_000;
/** The limit of an upload. The files of a zip archive together must keep it, too. */
const MAX_UNPACKED_BYTES = 2 ** 31 - 1;
/** Large pieces: weights are most of an archive. */
const READ_BYTES = 2 ** 20;

export type UploadFormat = 'onnx' | 'tar' | 'zip' | 'json';

/** The files that were in an archive. */
export type UnpackedModel =
  | { readonly format: 'onnx'; readonly path: string }
  /** The JSON files. One of them is the model. */
  | { readonly format: 'tfjs'; readonly jsonPaths: readonly string[] };

/** Returns the format of an uploaded file, from its first bytes. No ONNX file starts like the others. */
export function uploadFormat(path: string): UploadFormat {
  const descriptor = openSync(path, 'r');
  try {
    const head = Buffer.alloc(TAR_MAGIC_OFFSET + TAR_MAGIC.length);
    const length = readSync(descriptor, head, 0, head.length, 0);
    const text = head.toString('latin1', 0, length);
    if (text.startsWith(TAR_MAGIC, TAR_MAGIC_OFFSET)) return 'tar';
    if (text.startsWith(`${ZIP_MAGIC}\x03\x04`) || text.startsWith(`${ZIP_MAGIC}\x05\x06`)) return 'zip';
    return /^(\u00ef\u00bb\u00bf)?\s*\{\s*"/.test(text) ? 'json' : 'onnx';
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Unpacks the regular files of an archive into a directory. Skips links, devices and every other type of
 * entry.
 * @throws {ModelRejectedError} TRUNCATED: the archive ends too early. TOO_LARGE: a zip archive expands to more
 *   than the limit of an upload. NOT_ONNX: a header is damaged, a path leads out of the directory, or the
 *   archive does not hold exactly one model
 */
export async function unpackModel(
  archive: string,
  format: 'tar' | 'zip',
  directory: string,
): Promise<UnpackedModel> {
  const models: string[] = [];
  const jsonPaths: string[] = [];
  let files = 0;
  let bytes = 0;
  try {
    for await (const { name, content } of format === 'tar' ? tarEntries(archive) : zipEntries(archive)) {
      // Archives from macOS have a second file with attributes for each file.
      if (/(^|\/)(__MACOSX\/|\._)/.test(name)) {
        for await (const _ of content);
        continue;
      }
      if (++files > MAX_FILES) throw rejected(`it has more than ${MAX_FILES} files`);
      const path = pathInside(directory, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, counted(content), { flag: 'wx' });
      if (/\.onnx$/i.test(name)) models.push(path);
      if (/\.json$/i.test(name)) jsonPaths.push(path);
    }
  } catch (error) {
    throw asRejection(error as NodeJS.ErrnoException);
  }
  if (models.length === 0 && jsonPaths.length > 0) return { format: 'tfjs', jsonPaths };
  if (models.length !== 1) {
    throw rejected(`it has ${models.length} *.onnx files and no model.json; exactly one model is allowed`);
  }
  return { format: 'onnx', path: models[0]! };

  async function* counted(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of content) {
      bytes += chunk.byteLength;
      if (bytes > MAX_UNPACKED_BYTES) throw tooLarge();
      yield chunk;
    }
  }
}

async function* tarEntries(archive: string): AsyncIterable<ArchiveEntry> {
  const entries = extract();
  const source = createReadStream(archive, { highWaterMark: READ_BYTES });
  source.once('error', (error) => entries.destroy(error));
  source.pipe(entries);
  try {
    for await (const entry of entries) {
      const { name, type } = entry.header;
      if (type === 'file') yield { name, content: entry as AsyncIterable<Uint8Array> };
      else entry.resume();
    }
  } finally {
    source.destroy();
  }
}

/** @throws {ModelRejectedError} NOT_ONNX: the path of the entry leads out of the directory */
function pathInside(directory: string, name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..') || name.startsWith('/') || /[\\\0]/.test(name)) {
    throw rejected(`the path "${name}" leads out of the archive`);
  }
  return join(directory, ...parts);
}

/** Converts errors of the readers. Errors of the file system, a full disk for one, pass through. */
function asRejection(error: NodeJS.ErrnoException): Error {
  if (error instanceof ModelRejectedError) return error;
  if (error.code === 'ENAMETOOLONG') return rejected('a file name is too long');
  if (error.code === 'EEXIST' || error.code === 'ENOTDIR' || error.code === 'EISDIR') {
    return rejected('two files have the same name');
  }
  if (error.code !== undefined && !error.code.startsWith('Z_')) return error;
  // tar-stream tells a cut archive from a damaged one only by this message.
  if (error.message === 'Unexpected end of data') {
    return new ModelRejectedError(
      'TRUNCATED',
      'the archive ends before its last file is complete',
      'upload it again; the upload may have been cut short',
      { cause: error },
    );
  }
  return rejected('a header is damaged', error);
}

function tooLarge(): ModelRejectedError {
  return new ModelRejectedError(
    'TOO_LARGE',
    `the files of the archive have more than ${MAX_UNPACKED_BYTES} bytes`,
    'upload only the files of one model',
  );
}

function rejected(reason: string, cause?: Error): ModelRejectedError {
  return new ModelRejectedError(
    'NOT_ONNX',
    `the archive cannot be unpacked: ${reason}`,
    'create it from one *.onnx file and its data files, or from model.json and its weight files',
    { cause },
  );
}
