/** The command of the join dialog, without root and without systemd: it installs, joins, serves, updates and removes. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { InstalledAgent } from '../src/installed-agent.ts';
import type { Product } from '../src/product.ts';
import { expectRightAnswer, lenet5File, sampleImages } from '../src/reference.ts';
import { sharedProduct } from '../src/shared.ts';

let product: Product;
sharedProduct(
  (started) => {
    product = started;
  },
  { args: ['--no-fleet', '--no-demo'], withoutDemo: true },
);
const agent = new InstalledAgent();

test.skip(process.platform === 'win32', 'the installer is for Linux and macOS');
test.afterAll(() => agent.remove());

test('one command makes a machine a device that serves, also after an update', async () => {
  const command = `curl -fsSL ${product.url}/join/install.sh | sh -s --`;
  const output = await agent.shell(
    `${command} ${product.tokens.join} --name kitchen-pi --count 2 --background`,
  );
  expect(output).toContain('kitchen-pi-1 has joined');
  await product.eventually('two devices', async () => {
    const devices = await product.devices();
    return devices.length === 2 && devices.every(({ state }) => state === 'ready');
  });
  const body = readFileSync(lenet5File);
  expect((await product.api('/api/models?name=lenet5', { method: 'POST', body })).status).toBe(201);
  const request = { name: 'digits', model: 'lenet5', k: 1, r: 1, layers: 'all', objective: 'devices-only' };
  expect((await product.api('/api/deployments', { method: 'POST', json: request })).status).toBe(202);
  await product.deploymentState('digits', 'ready');
  await expectRightAnswer(product, { deployment: 'digits' });
  const engines = (await product.devices()).map(({ name, engine }) => `${name} ${engine}`);
  expect(engines.sort()).toEqual(['kitchen-pi-1 native', 'kitchen-pi-2 native']);

  const before = agent.processId;
  expect(await agent.shell(command)).toContain('kitchen-pi-1 has joined');
  expect(agent.processId).not.toBe(before);
  await product.deploymentState('digits', 'ready');
  await expectRightAnswer(product, { deployment: 'digits', pixels: sampleImages()[1]!.pixels });
  expect(await product.devices()).toHaveLength(2);

  const last = agent.processId!;
  expect(await agent.shell(`${command} --uninstall`)).toContain('all of its files are removed');
  expect(existsSync(agent.base)).toBe(false);
  expect(() => process.kill(last, 0)).toThrow();
});
