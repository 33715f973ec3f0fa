/** Runs the static checks: lint and format, import borders, types. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (...path) => join('node_modules', ...path);
const steps = [
  ['lint and format', [bin('@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.']],
  [
    'import borders',
    [
      bin('dependency-cruiser', 'bin', 'dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.mjs',
      'packages',
      'apps',
      'tools',
      'bench',
      'e2e',
    ],
  ],
  ['types', [bin('turbo', 'bin', 'turbo'), 'run', 'typecheck', '--output-logs=errors-only']],
];

let failed = 0;
for (const [name, args] of steps) {
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
  });
  if (status !== 0) {
    console.error(`check: ${name} failed`);
    failed++;
  }
}
process.exit(failed === 0 ? 0 : 1);
