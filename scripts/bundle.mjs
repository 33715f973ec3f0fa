/**
 * Bundles entry points for plain Node: TypeScript and workspace packages go in, native packages stay outside.
 * A device process then starts in a fraction of the time and memory that compiling at run time would take.
 *
 *   node ../../scripts/bundle.mjs [--packages=inside] [--outdir=DIR] NAME=src/entry.ts …   → DIR/NAME.js
 *
 * DIR is `dist` in the current folder where it is not given.
 *
 * `--packages=inside` takes the npm packages in as well: one file instead of hundreds, half the time to load.
 * DIR/bundled-packages.json then lists them, for their licenses.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

/** Native code, loaded where it is there. */
const NATIVE = ['onnxruntime-node', 'onnxruntime-web', 'bufferutil', 'utf-8-validate'];

const args = process.argv.slice(2);
const packagesInside = args.includes('--packages=inside');
const outdir = args.find((argument) => argument.startsWith('--outdir='))?.slice('--outdir='.length) ?? 'dist';
const entries = args.filter((argument) => !argument.startsWith('--')).map((argument) => argument.split('='));
if (entries.length === 0 || entries.some(([name, path]) => !name || !path)) {
  console.error('bundle.mjs: name at least one entry, as NAME=src/entry.ts');
  process.exit(2);
}

const packages = {
  name: 'packages',
  setup(bundle) {
    bundle.onResolve({ filter: /^[^./]/ }, ({ path, resolveDir, kind }) => {
      if (kind === 'entry-point') return undefined;
      if (path.startsWith('@sparewheel/'))
        return { path: createRequire(join(resolveDir, 'import.js')).resolve(path) };
      return packagesInside && !NATIVE.includes(path) ? undefined : { path, external: true };
    });
  },
};

rmSync(outdir, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: Object.fromEntries(entries.map(([name, path]) => [name, resolve(path)])),
  outdir,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  plugins: [packages],
  // CommonJS packages that are taken in call `require` for Node's own modules.
  ...(packagesInside && {
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
  }),
  metafile: true,
  logLevel: 'warning',
});
if (packagesInside) {
  const names = Object.keys(metafile.inputs).flatMap((path) => {
    const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
    return name === undefined ? [] : [name];
  });
  writeFileSync(join(outdir, 'bundled-packages.json'), JSON.stringify([...new Set(names)].sort()));
}
