import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { extract, pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentContents, PLATFORMS } from './agent-contents.mjs';
import { unpack } from './node-binary.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'scripts', 'package', 'package.mjs');
const folders = [];
const newFolder = () => {
  folders.push(mkdtempSync(join(tmpdir(), 'sparewheel-package-')));
  return folders.at(-1);
};
const run = (...parameters) => spawnSync(process.execPath, [program, ...parameters], { encoding: 'utf8' });
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function entriesOf(archive) {
  const reader = extract();
  const entries = [];
  reader.end(gunzipSync(archive));
  for await (const entry of reader) {
    entries.push(entry.header);
    entry.resume();
  }
  return entries;
}

beforeAll(() => {
  if (existsSync(join(root, 'apps', 'agent', 'dist', 'bundled-packages.json'))) return;
  execFileSync('npm', ['run', '--silent', 'build'], {
    cwd: join(root, 'apps', 'agent'),
    shell: process.platform === 'win32',
  });
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('npm run package -- agent', () => {
  it.each(Object.keys(PLATFORMS))('writes %s with its checksum, in at most 40 MB', async (platform) => {
    const out = newFolder();
    const { status, stdout, stderr } = run('agent', '--platform', platform, '--out', out, '--json');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const [made] = JSON.parse(stdout.trim().split('\n').at(-1)).packages;
    expect(readdirSync(out).sort()).toEqual([made.file, `${made.file}.sha256`]);
    const archive = readFileSync(join(out, made.file));
    expect(archive.byteLength).toBeLessThanOrEqual(40e6);
    expect(made).toMatchObject({ platform, bytes: archive.byteLength, sha256: sha256(archive) });
    expect(readFileSync(join(out, `${made.file}.sha256`), 'utf8')).toBe(`${made.sha256}  ${made.file}\n`);
    const entries = await entriesOf(archive);
    const folder = made.file.replace('.tar.gz', '/');
    expect(entries.every(({ name, uid, gid }) => name.startsWith(folder) && uid === 0 && gid === 0)).toBe(
      true,
    );
    expect(entries.reduce((sum, { size }) => sum + size, 0)).toBe(made.unpackedBytes);
  });

  it('writes the same bytes twice', () => {
    const digests = [1, 2].map(() => {
      const out = newFolder();
      expect(run('agent', '--platform', 'linux-armv7', '--out', out).status).toBe(0);
      return sha256(
        readFileSync(
          join(
            out,
            readdirSync(out).find((name) => name.endsWith('.gz')),
          ),
        ),
      );
    });
    expect(digests[0]).toBe(digests[1]);
  });

  it.each([
    [['agent', '--platform', 'linux-riscv64'], '--platform linux-riscv64 is unknown; use linux-arm64'],
    [['control-plane'], 'name what to package: agent'],
    [['agent', '--color'], "Unknown option '--color'"],
  ])('refuses %j', (parameters, sentence) => {
    const { status, stderr } = run(...parameters);
    expect(status).toBe(2);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain('    at ');
  });
});

describe('contents of a package', () => {
  const contents = (platform, node = null) => agentContents(root, '1.2.3', platform, node);
  const outside = (platform) =>
    contents(platform)
      .map(({ path }) => path.replace(`sparewheel-agent-1.2.3-${platform}/`, ''))
      .filter((path) => !path.includes('/onnxruntime-common/'));
  const bundle = [
    'LICENSE',
    'THIRD-PARTY-LICENSES.txt',
    'agent.js',
    'device.js',
    'engine-process.js',
    'engine-worker.js',
    'package.json',
  ];
  const binding = ['backend', 'binding', 'index', 'version'].map(
    (name) => `node_modules/onnxruntime-node/dist/${name}.js`,
  );

  it.each([
    ['linux-arm64', 'linux/arm64', 'libonnxruntime.so.1'],
    ['linux-x64', 'linux/x64', 'libonnxruntime.so.1'],
    ['darwin-arm64', 'darwin/arm64', 'libonnxruntime.1.dylib'],
  ])('are the bundle and the library of %s only', (platform, folder, library) => {
    const native = `node_modules/onnxruntime-node/bin/napi-v6/${folder}`;
    expect(outside(platform).sort()).toEqual(
      [
        ...bundle,
        ...binding,
        'node_modules/onnxruntime-node/package.json',
        `${native}/${library}`,
        `${native}/onnxruntime_binding.node`,
      ].sort(),
    );
  });

  it('are the bundle and WebAssembly for armv7', () => {
    expect(outside('linux-armv7').sort()).toEqual(
      [
        ...bundle,
        'node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.mjs',
        'node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
        'node_modules/onnxruntime-web/dist/ort.node.min.mjs',
        'node_modules/onnxruntime-web/package.json',
      ].sort(),
    );
  });

  it('include Node as an executable if wanted', () => {
    const entries = contents('linux-x64', { binary: Buffer.from('node'), license: Buffer.from('license') });
    const node = entries.find(({ path }) => path === 'sparewheel-agent-1.2.3-linux-x64-node/bin/node');
    expect(node).toMatchObject({ executable: true, bytes: Buffer.from('node') });
    expect(entries.filter(({ executable }) => executable)).toHaveLength(1);
  });

  it('name the license of each npm package in the bundle', () => {
    const text = contents('linux-x64')
      .find(({ path }) => path.endsWith('THIRD-PARTY-LICENSES.txt'))
      .bytes.toString();
    for (const name of ['socket.io-client', 'ws', 'zod', 'onnxruntime-node', 'onnxruntime-common'])
      expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'));
    expect(text).toContain('Permission is hereby granted');
  });
});

describe('Node for a package', () => {
  const packed = async () => {
    const tar = pack();
    tar.entry({ name: 'package/bin/node' }, 'a program');
    tar.entry({ name: 'package/include/node.h' }, 'a header');
    tar.entry({ name: 'package/LICENSE' }, 'a license');
    tar.finalize();
    const chunks = [];
    for await (const chunk of tar) chunks.push(chunk);
    return gzipSync(Buffer.concat(chunks));
  };

  it('is the binary and its license', async () => {
    const folder = newFolder();
    const archive = await packed();
    await unpack(archive, 'node@1', createHash('sha512').update(archive).digest('base64'), folder);
    expect(readdirSync(folder).sort()).toEqual(['LICENSE', 'node']);
    expect(readFileSync(join(folder, 'node'), 'utf8')).toBe('a program');
  });

  it('is refused with another checksum', async () => {
    const folder = newFolder();
    await expect(unpack(await packed(), 'node@1', 'other', folder)).rejects.toThrow(
      'node@1 is not the expected package',
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});
