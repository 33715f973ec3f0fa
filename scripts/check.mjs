/** Lints, checks the import borders and type-checks everything: what an editor would say, all at once. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const steps = [
  [
    'lint and format',
    [join('node_modules', '@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.'],
  ],
  ['types', [join('node_modules', 'turbo', 'bin', 'turbo'), 'run', 'typecheck', '--output-logs=errors-only']],
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
