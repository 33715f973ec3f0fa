/**
 * Unpacks a model whose weights are in separate files (ONNX external data). A client uploads such a model as
 * one tar archive: `tar cf - model.onnx model.onnx.data | curl --data-binary @- …`.
 */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ModelRejectedError } from '@sparewheel/onnx';
import { extract } from 'tar-stream';

const MAGIC = 'ustar';
const MAGIC_OFFSET = 257;
/** A model has a handful of data files; some exporters write one per tensor. */
const MAX_FILES = 10_000;
/** Large pieces: weights are most of an archive. */
const READ_BYTES = 2 ** 20;

/**
 * Returns whether a file is a tar archive, by the magic in its first header. No ONNX file has this magic
 * there.
 */
export function isArchive(path: string): boolean {
  const descriptor = openSync(path, 'r');
  try {
    const magic = Buffer.alloc(MAGIC.length);
    readSync(descriptor, magic, 0, magic.length, MAGIC_OFFSET);
    return magic.toString('latin1') === MAGIC;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Unpacks the regular files of an archive into a directory. Skips links, devices and every other type of
 * entry.
 * @returns the path of the only ONNX file
 * @throws {ModelRejectedError} TRUNCATED: the archive ends too early. NOT_ONNX: a header is damaged, a path
 *   leads out of the directory, or the archive does not hold exactly one model
 */
export async function unpackModel(archive: string, directory: string): Promise<string> {
  const entries = extract();
  const source = createReadStream(archive, { highWaterMark: READ_BYTES });
  source.once('error', (error) => entries.destroy(error));
  source.pipe(entries);
  const models: string[] = [];
  let files = 0;
  try {
    for await (const entry of entries) {
      const { name, type } = entry.header;
      if (type !== 'file') {
        entry.resume();
        continue;
      }
      if (++files > MAX_FILES) throw rejected(`it has more than ${MAX_FILES} files`);
      const path = pathInside(directory, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, entry as AsyncIterable<Uint8Array>);
      if (/\.onnx$/i.test(name)) models.push(path);
    }
  } catch (error) {
    throw asRejection(error as NodeJS.ErrnoException);
  } finally {
    source.destroy();
  }
  if (models.length !== 1) throw rejected(`it has ${models.length} *.onnx files; exactly one is allowed`);
  return models[0]!;
}

/** @throws {ModelRejectedError} NOT_ONNX: the path of the entry leads out of the directory */
function pathInside(directory: string, name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..') || name.startsWith('/') || /[\\\0]/.test(name)) {
    throw rejected(`the path "${name}" leads out of the archive`);
  }
  return join(directory, ...parts);
}

/** Converts errors of the tar reader. Errors of the file system, a full disk for one, pass through. */
function asRejection(error: NodeJS.ErrnoException): Error {
  if (error instanceof ModelRejectedError) return error;
  if (error.code === 'ENAMETOOLONG') return rejected('a file name is too long');
  if (error.code !== undefined) return error;
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

function rejected(reason: string, cause?: Error): ModelRejectedError {
  return new ModelRejectedError(
    'NOT_ONNX',
    `the archive cannot be unpacked: ${reason}`,
    'create it from one *.onnx file and its data files: tar cf - model.onnx model.onnx.data',
    { cause },
  );
}
