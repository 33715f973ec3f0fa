import { crc32 } from 'node:zlib';
import { ModelRejectedError } from '@sparewheel/onnx';
import { type Entry, openPromise } from 'yauzl';

/** A file in an archive. */
export interface ArchiveEntry {
  readonly name: string;
  readonly content: AsyncIterable<Uint8Array>;
}

/** Bits of the Unix mode in an entry's attributes: the type, and the type of a link. */
const TYPE_MASK = 0o170000;
const LINK = 0o120000;

/**
 * Reads the regular files of a zip archive in turn. Each file has as many bytes as the archive says, or it is
 * rejected. The checksums are compared.
 * @throws {Error} the archive is damaged
 */
export async function* zipEntries(archive: string): AsyncIterable<ArchiveEntry> {
  const zip = await openPromise(archive, { lazyEntries: true, autoClose: false, validateEntrySizes: true });
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/') || isLink(entry)) continue;
      if (entry.isEncrypted()) {
        throw new ModelRejectedError(
          'NOT_ONNX',
          'the zip archive is encrypted',
          'create it without a password',
        );
      }
      const stream = await zip.openReadStreamPromise(entry);
      // The reader reports errors without closing the stream, also before and after someone reads it. Without
      // this, such an error ends the process, or a reader waits forever.
      stream.on('error', (error) => stream.destroy(error));
      yield { name: entry.fileName, content: checked(stream, entry.crc32) };
    }
  } finally {
    zip.close();
  }
}

/** @throws {Error} the bytes do not have the checksum */
async function* checked(content: AsyncIterable<Buffer>, expected: number): AsyncIterable<Uint8Array> {
  let checksum = 0;
  for await (const chunk of content) {
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (checksum !== expected) throw new Error('a file has a wrong checksum');
}

function isLink(entry: Entry): boolean {
  return ((entry.externalFileAttributes >>> 16) & TYPE_MASK) === LINK;
}
