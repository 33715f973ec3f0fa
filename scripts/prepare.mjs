/**
 * Runs before `npm start`, `npm test` and the like, from a bare clone on: installs, generates and builds what is
 * missing or stale. Uses nothing but Node, because nothing else is there yet.
 *
 *   node scripts/prepare.mjs start | dev | agent | test | check | build | simulate | bench
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once as event } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installProgress } from './install-progress.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What each command needs beyond the installed packages. */
const NEEDS = {
  start: { database: true, build: [] },
  dev: { database: true, build: ['@sparewheel/agent'] },
  agent: { database: false, build: ['@sparewheel/agent'] },
  test: { database: true, build: [] },
  check: { database: true, build: null },
  build: { database: true, build: null },
  simulate: { database: false, build: ['@sparewheel/simulator'] },
  bench: { database: true, build: ['@sparewheel/agent'] },
};

const environment = {
  ...process.env,
  // Its install script fetches GPU libraries that Sparewheel does not use; the CPU ones are in the package.
  ONNXRUNTIME_NODE_INSTALL: 'skip',
  TURBO_TELEMETRY_DISABLED: '1',
  NEXT_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
};

function fail(sentence, hint) {
  console.error(`sparewheel: ${sentence}`);
  if (hint) console.error(`  ${hint}`);
  process.exit(1);
}

/** A step that takes longer says regularly that it still runs. */
const REPORT_MS = 5_000;

/**
 * Runs a step. Its output is printed only if it fails.
 * @param progress  says how far the step is
 */
async function run(what, command, args, progress = () => null) {
  const started = Date.now();
  const seconds = () => ((Date.now() - started) / 1000).toFixed(1);
  const child = spawn(command, args, {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
  const report = setInterval(() => {
    const far = progress();
    console.error(`sparewheel: ${what}, ${seconds()} s${far === null ? '' : `: ${far}`}`);
  }, REPORT_MS);
  let reason;
  const [code] = await event(child, 'close').catch((error) => {
    reason = error.message;
    return [null];
  });
  clearInterval(report);
  if (code !== 0) {
    process.stderr.write(Buffer.concat(output));
    fail(`${what} failed (${command} ${args.join(' ')}).`, reason);
  }
  console.error(`sparewheel: ${what} done in ${seconds()} s`);
}

function digest(paths) {
  const hash = createHash('sha256');
  for (const path of paths)
    hash
      .update(path)
      .update('\0')
      .update(readFileSync(join(root, path)))
      .update('\0');
  return hash.digest('hex');
}

/** Does `step` unless it was done for just these files before. */
async function once(stamp, paths, outcome, step) {
  const path = join(root, 'node_modules', '.sparewheel', stamp);
  const wanted = digest(paths);
  if (existsSync(outcome) && existsSync(path) && readFileSync(path, 'utf8') === wanted) return;
  await step();
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, wanted);
}

function manifests() {
  const found = ['package.json'];
  for (const folder of ['packages', 'apps', 'tools']) {
    for (const name of readdirSync(join(root, folder))) found.push(join(folder, name, 'package.json'));
  }
  found.push(join('bench', 'package.json'), join('e2e', 'package.json'));
  return found.filter((path) => existsSync(join(root, path)));
}

const command = process.argv[2];
const needs = NEEDS[command];
if (needs === undefined)
  fail(`prepare.mjs does not know "${command}".`, `It knows ${Object.keys(NEEDS).join(', ')}.`);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(
    `Node ${process.versions.node} is too old; Sparewheel needs 20.19 or newer.`,
    'Install a current Node from nodejs.org or with your version manager.',
  );
}

await once('installed', manifests(), join(root, 'node_modules', 'tsx'), () => {
  console.error(
    'sparewheel: packages are installed and the programs are built once; this takes a minute or two',
  );
  return run(
    'installing packages',
    'npm',
    ['install', '--no-audit', '--no-fund', '--no-save'],
    installProgress(root),
  );
});

if (needs.database) {
  const schema = join('prisma', 'schema.prisma');
  const client = join(root, 'apps', 'control-plane', 'src', 'generated', 'prisma', 'client.ts');
  await once('generated', [schema, 'prisma.config.ts'], client, () =>
    run('generating the database client', process.execPath, [
      join('node_modules', 'prisma', 'build', 'index.js'),
      'generate',
    ]),
  );
}

if (needs.build !== null) {
  const filters = needs.build.map((name) => `--filter=${name}`);
  await run('building the programs', process.execPath, [
    join('node_modules', 'turbo', 'bin', 'turbo'),
    'run',
    'build',
    '--output-logs=errors-only',
    ...filters,
  ]);
}
