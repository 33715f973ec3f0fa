/** A quantized network over devices with native and WebAssembly engines: equal answers, also with each device dead. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import type { ModelView } from '@sparewheel/protocol';
import { inferBinary } from '../src/inference.ts';
import { type Product, repositoryRoot } from '../src/product.ts';
import {
  QUANTIZED_LAYERS,
  type QuantizedCase,
  quantizedCases,
  quantizedNetwork,
} from '../src/quantized-network.ts';
import { sharedProduct } from '../src/shared.ts';

const NATIVE = 3;
const WASM = 3;

let product: Product;
let agent: ChildProcess | undefined;
const agentHome = mkdtempSync(join(tmpdir(), 'sparewheel-wasm-'));
sharedProduct(
  (started) => {
    product = started;
  },
  { args: ['--no-demo', '--fleet', String(NATIVE)], withoutDemo: true },
);
test.beforeAll(() => {
  const program = join(repositoryRoot, 'apps', 'agent', 'dist', 'agent.js');
  const preload = fileURLToPath(new URL('../src/without-native-engine.mjs', import.meta.url));
  const parameters = [
    '--url',
    product.dataUrl,
    '--name',
    'wasm',
    '--count',
    String(WASM),
    '--home',
    agentHome,
  ];
  agent = spawn(process.execPath, [program, ...parameters], {
    stdio: 'ignore',
    env: { ...process.env, SPAREWHEEL_JOIN_TOKEN: product.tokens.join, NODE_OPTIONS: `--import ${preload}` },
  });
});
test.afterAll(async () => {
  if (agent && agent.exitCode === null) {
    agent.kill('SIGTERM');
    await once(agent, 'exit');
  }
  rmSync(agentHome, { recursive: true, force: true });
});

/** Sends each input once. @returns the number of recovered shards */
async function check(deployment: string, cases: readonly QuantizedCase[], when: string): Promise<number> {
  let recovered = 0;
  for (const { input, expected } of cases) {
    const { status, outputs, parameters, error } = await inferBinary(product, deployment, input);
    expect(status, JSON.stringify(error)).toBe(200);
    expect(outputs.y, `${deployment} ${when}`).toEqual(expected);
    expect(parameters.rescued, `${deployment} ${when}`).toBe(0);
    recovered += parameters.recovered;
  }
  return recovered;
}

test('a quantized network gives equal answers over both engines, also with each device dead', async () => {
  const devices = await product.eventually('all devices are ready', async () => {
    const ready = (await product.devices()).filter(({ state }) => state === 'ready');
    return ready.length === NATIVE + WASM && ready;
  });
  const native = devices.filter(({ engine }) => engine === 'native').map(({ id }) => id);
  const wasm = devices.filter(({ engine }) => engine === 'wasm').map(({ id }) => id);
  expect([native.length, wasm.length]).toEqual([NATIVE, WASM]);

  const body = Buffer.from(quantizedNetwork());
  expect((await product.api<ModelView>('/api/models?name=quantized', { method: 'POST', body })).status).toBe(
    201,
  );
  const codes = [
    { name: 'single', k: 3, r: 1, devices: [...native.slice(0, 2), ...wasm.slice(0, 2)] },
    { name: 'double', k: 4, r: 2, devices: [...native, ...wasm] },
  ];
  for (const code of codes) {
    const request = { ...code, model: 'quantized', layers: 'all', policy: { waitMs: 'any-k' } };
    expect((await product.api('/api/deployments', { method: 'POST', json: request })).status).toBe(202);
  }
  const ready = () => Promise.all(codes.map(({ name }) => product.deploymentState(name, 'ready')));
  for (const { plan } of await ready()) {
    const coded = (plan as { steps: { kind: string; answers?: string }[] }).steps.filter(
      ({ kind }) => kind === 'coded',
    );
    expect(coded.map(({ answers }) => answers)).toEqual(new Array(QUANTIZED_LAYERS).fill('int32'));
  }

  const cases = await quantizedCases(3);
  for (const { name } of codes) await check(name, cases, 'healthy');
  let recovered = 0;
  for (const { id, name } of devices) {
    await product.fault(id, { kind: 'kill' });
    for (const code of codes) recovered += await check(code.name, cases, `without ${name}`);
    await product.api(`/api/devices/${id}/revive`, { method: 'POST' });
    await product.eventually(`${name} is ready again`, async () =>
      (await product.devices()).every(({ state }) => state === 'ready'),
    );
    await ready();
  }
  expect(recovered).toBeGreaterThan(0);
});
