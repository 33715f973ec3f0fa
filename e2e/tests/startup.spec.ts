/** Start and stop. A failed start prints a clear message without a stack trace and exits with an error code. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { freePort, Product, repositoryRoot } from '../src/product.ts';

async function startAndFail(
  environment: Record<string, string>,
  args: string[] = [],
): Promise<{ code: number | null; output: string }> {
  const home = mkdtempSync(join(tmpdir(), 'sparewheel-e2e-'));
  const child = spawn('npm', ['start', '--', ...args], {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      SPAREWHEEL_HOME: home,
      PORT: String(await freePort()),
      DATA_PORT: String(await freePort()),
      ...environment,
    },
  });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  const [code] = (await once(child, 'exit')) as [number | null];
  rmSync(home, { recursive: true, force: true });
  return { code, output };
}

function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch {
    return false;
  }
}

const stackTrace = /^\s+at .+:\d+:\d+\)?$/m;

for (const variable of ['PORT', 'DATA_PORT', 'GRPC_PORT']) {
  test(`reports a ${variable} that is in use`, async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const { code, output } = await startAndFail({ [variable]: String(port) });
    server.close();
    expect(output).toContain(String(port));
    expect(output).toMatch(/in use|taken/);
    expect(output).not.toMatch(stackTrace);
    expect(code).not.toBe(0);
  });
}

test('reports an unknown argument', async () => {
  const { code, output } = await startAndFail({}, ['--fleat', '6']);
  expect(output).toContain('--fleat');
  expect(output).not.toMatch(stackTrace);
  expect(code).not.toBe(0);
});

test('reports a damaged database', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sparewheel-e2e-'));
  const path = join(folder, 'broken.db');
  writeFileSync(path, 'this is not a database, though it has a name like one');
  const { code, output } = await startAndFail({ DATABASE_URL: `file:${path}` });
  rmSync(folder, { recursive: true, force: true });
  expect(output).toContain('database');
  expect(output).not.toMatch(stackTrace);
  expect(code).not.toBe(0);
});

test('Ctrl-C ends every process', async () => {
  const product = await Product.start({ args: ['--fleet', '3', '--no-demo'], withoutDemo: true });
  const devices = await product.eventually('three devices', async () => {
    const all = await product.devices();
    return all.length === 3 && all.every(({ state }) => state === 'ready') && all;
  });
  const processes = devices.map(({ processId }) => processId).filter((id) => id !== null);
  expect(processes).toHaveLength(3);
  const { exitCode, signal } = await product.stop();
  // npm either forwards the product's exit code or ends by the signal itself.
  expect([0, 'SIGINT']).toContain(exitCode ?? signal);
  for (const processId of processes) {
    await expect.poll(() => isRunning(processId), { message: `device process ${processId}` }).toBe(false);
  }
  await expect(fetch(product.url)).rejects.toThrow();
  product.removeHome();
});
