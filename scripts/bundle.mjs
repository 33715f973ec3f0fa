/**
 * Bundles entry points for plain Node: TypeScript and workspace packages go in, npm packages stay outside.
 * A device process then starts in a fraction of the time and memory that compiling at run time would take.
 *
 *   node ../../scripts/bundle.mjs NAME=src/entry.ts …   → dist/NAME.js, in the current folder
 */
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const entryPoints = Object.fromEntries(process.argv.slice(2).map((argument) => argument.split('=')));
if (Object.keys(entryPoints).length === 0) {
  console.error('bundle.mjs: name at least one entry, as NAME=src/entry.ts');
  process.exit(2);
}

const workspacePackagesInside = {
  name: 'workspace-packages-inside',
  setup(bundle) {
    bundle.onResolve({ filter: /^[^./]/ }, ({ path, resolveDir, kind }) => {
      if (kind === 'entry-point') return undefined;
      if (!path.startsWith('@sparewheel/')) return { path, external: true };
      return { path: createRequire(join(resolveDir, 'import.js')).resolve(path) };
    });
  },
};

rmSync('dist', { recursive: true, force: true });
await build({
  entryPoints: Object.fromEntries(Object.entries(entryPoints).map(([name, path]) => [name, resolve(path)])),
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  splitting: false,
  plugins: [workspacePackagesInside],
  logLevel: 'warning',
});
