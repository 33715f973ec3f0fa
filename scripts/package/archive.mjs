/** Writes archives whose bytes depend on their content only. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

/** The modification time of every entry. GNU tar warns about times near 1970. */
const ENTRY_TIME = new Date('2020-01-01T00:00:00Z');

/**
 * Writes a gzip-compressed tar archive, and its checksum beside it in the format of `sha256sum`. Equal entries give equal
 * bytes: entries are sorted, and owners and times are fixed. Both files appear complete, under their final names.
 * @param path  ends with .tar.gz
 * @param entries  `{ path, bytes, executable? }` with `bytes` a Buffer; paths are relative to the archive's root
 * @returns `{ sha256, bytes, unpackedBytes }`
 */
export async function writeArchive(path, entries) {
  await mkdir(dirname(path), { recursive: true });
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
  const partial = `${path}.${process.pid}.partial`;
  try {
    const tar = pack();
    const written = pipeline(tar, createGzip({ level: 6 }), createWriteStream(partial));
    for (const { path: name, bytes, executable = false } of sorted) {
      tar.entry(
        { name, size: bytes.byteLength, mode: executable ? 0o755 : 0o644, mtime: ENTRY_TIME, uid: 0, gid: 0 },
        bytes,
      );
    }
    tar.finalize();
    await written;
    const { sha256, bytes } = await digestOf(partial);
    await rename(partial, path);
    await writeFile(`${partial}.sha256`, `${sha256}  ${basename(path)}\n`);
    await rename(`${partial}.sha256`, `${path}.sha256`);
    const unpackedBytes = sorted.reduce((sum, entry) => sum + entry.bytes.byteLength, 0);
    return { sha256, bytes, unpackedBytes };
  } finally {
    await rm(partial, { force: true });
  }
}

async function digestOf(path) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  return { sha256: hash.digest('hex'), bytes };
}
