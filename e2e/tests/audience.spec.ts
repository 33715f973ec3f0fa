/** Thirty phones over plain HTTP are the fleet: tabs of a browser that does not trust the page's address. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, expect, type Page, test } from '@playwright/test';
import type { DeviceView } from '@sparewheel/protocol';
import type { Product } from '../src/product.ts';
import { expectRightAnswer, lenet5File, sampleImages } from '../src/reference.ts';
import { sharedProduct } from '../src/shared.ts';

/**
 * Any 6 of 10 answers are enough, so the code survives the loss of any 4 seats without the data plane's help. The other
 * phones are on standby. More parity would make float32 answers less exact than the tests demand.
 */
const K = 6;
const R = 4;
const PHONES = 30;
const GONE = 10;

let product: Product;
let browser: Browser;
const phones = new Map<string, Page>();
const errors: string[] = [];

test.describe.configure({ mode: 'serial' });
sharedProduct(
  (started) => {
    product = started;
  },
  { args: ['--no-fleet', '--no-demo'], withoutDemo: true },
);
test.beforeAll(async ({ playwright, launchOptions }) => {
  // Another host name for this machine. Unlike localhost, the browser treats it as insecure, like a LAN address.
  const rule = '--host-resolver-rules=MAP phone.test 127.0.0.1';
  browser = await playwright.chromium.launch({
    ...launchOptions,
    args: [...(launchOptions.args ?? []), rule],
  });
});
test.afterAll(() => browser.close());

const phone = (name: string): Page => {
  const page = phones.get(name);
  if (page === undefined) throw new Error(`${name} is not open`);
  return page;
};
const joined = (page: Page) => page.getByTestId('join-device');
const named = async (name: string): Promise<DeviceView> => {
  const found = (await product.devices()).find((each) => each.name === name);
  if (found === undefined) throw new Error(`${name} has not joined`);
  return found;
};
const counts = async () => (await product.latency('lenet5')).counts;
const deployment = () => product.deployment('lenet5');
/** The names of the phones that have a seat. */
const seated = async () => (await deployment()).progress.seats.flatMap(({ deviceName }) => deviceName ?? []);

test('thirty phones join over plain HTTP, and get seats', async () => {
  test.slow();
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  // In groups: thirty engines that start at once would compete for the cores.
  const names = Array.from({ length: PHONES }, (_, at) => `phone-${at + 1}`);
  for (let at = 0; at < PHONES; at += 5) {
    await Promise.all(
      names.slice(at, at + 5).map(async (name) => {
        const page = await context.newPage();
        page.on('pageerror', ({ message }) => errors.push(`${name}: ${message}`));
        phones.set(name, page);
        await page.goto(
          `http://phone.test:${product.ports.control}/join#token=${product.tokens.join}&name=${name}`,
        );
        await expect(joined(page)).toHaveAttribute('data-state', 'Joined', { timeout: 60_000 });
      }),
    );
  }
  expect(await phone('phone-1').evaluate(() => window.isSecureContext)).toBe(false);
  await product.api('/api/models?name=lenet5', { method: 'POST', body: readFileSync(lenet5File) });
  const { status, body } = await product.api('/api/deployments', {
    method: 'POST',
    json: { name: 'lenet5', model: 'lenet5', k: K, r: R, layers: 'all', policy: { rescue: 'off' } },
  });
  expect(status, JSON.stringify(body)).toBeLessThan(300);
  // Ten engines load at once while thirty pages share two cores: a phone may lose its connection and return.
  await product.deploymentState('lenet5', 'ready', 180_000);
  for (const { pixels } of sampleImages().slice(0, 3)) await expectRightAnswer(product, { pixels });
});

test('a phone shows its seat, its rows and each answer', async () => {
  const [name = ''] = await seated();
  const page = phone(name);
  await expect(joined(page)).toHaveAttribute('data-state', 'Serving');
  await expect(page.getByTestId('join-shards')).toContainText(/Seat \d+ of lenet5, (data|parity)/);
  await expect(page.getByTestId('join-shards')).toContainText(/rows? \d+.* of \d+|the sum of all blocks/);
  const shown = async () =>
    Number((await page.getByTestId('join-answers').textContent())?.replaceAll(',', ''));
  const before = await shown();
  await expectRightAnswer(product);
  await expect.poll(shown).toBeGreaterThan(before);
});

test('“Kill me” asks once, and the phone returns with Revive', async () => {
  const [name = ''] = await seated();
  const page = phone(name);
  await page.getByRole('button', { name: 'Kill me' }).click();
  const dialog = page.getByRole('alertdialog');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(joined(page)).toHaveAttribute('data-state', 'Serving');
  await page.getByRole('button', { name: 'Kill me' }).click();
  await dialog.getByRole('button', { name: 'Kill me' }).click();
  await expect(joined(page)).toHaveAttribute('data-state', 'Killed');
  await expect(page.getByText('You ended this device.')).toBeVisible();
  await product.eventually('the phone is dead', async () => (await named(name)).state === 'dead');
  await expectRightAnswer(product);
  await page.getByRole('button', { name: 'Revive' }).click();
  await product.eventually('the phone is back', async () => (await named(name)).state === 'ready');
  await product.deploymentState('lenet5', 'ready');
});

test('ten of thirty phones that vanish at once cost no request', async ({ browser: secure }) => {
  const screen = await (await secure.newContext({ viewport: { width: 1280, height: 720 } })).newPage();
  screen.on('pageerror', ({ message }) => errors.push(`screen: ${message}`));
  await screen.goto(`${product.url}/?token=${product.tokens.operator}`);
  await expect(screen.getByTestId('counter-lost')).toBeVisible({ timeout: 30_000 });
  await product.api('/api/deployments/lenet5/load', {
    method: 'POST',
    json: { mode: 'closed', concurrency: 2 },
  });
  const answered = async () => (await counts()).answered;
  const start = await answered();
  await product.eventually('50 answers', async () => (await answered()) > start + 50);
  // As many data seats as the code can lose, and phones on standby.
  const seats = await seated();
  const standbys = [...phones.keys()].filter((name) => !seats.includes(name));
  const leaving = [...seats.slice(0, R), ...standbys.slice(0, GONE - R)];
  expect(leaving).toHaveLength(GONE);
  await Promise.all(leaving.map((name) => phone(name).close()));
  const atLoss = await answered();
  await product.eventually('all ten are gone', async () => {
    const states = await Promise.all(leaving.map(async (name) => (await named(name)).state));
    return states.every((state) => state === 'lost' || state === 'dead');
  });
  await product.eventually('100 answers without them', async () => (await answered()) > atLoss + 100);
  const load = await product.api<{ sent: number; answered: number; failed: number; lost: number }>(
    '/api/deployments/lenet5/load',
    { method: 'DELETE' },
  );
  expect(load.body).toMatchObject({ failed: 0, lost: 0 });
  expect(load.body.answered).toBe(load.body.sent);
  const { failed, lost, corrupt, rescued, survived } = await counts();
  expect({ failed, lost, corrupt, rescued }).toEqual({ failed: 0, lost: 0, corrupt: 0, rescued: 0 });
  expect(survived).toBeGreaterThan(0);
  // Phones on standby take the seats over.
  await product.deploymentState('lenet5', 'ready');
  expect((await seated()).filter((name) => leaving.includes(name))).toEqual([]);
  for (const { pixels } of sampleImages().slice(0, 3)) await expectRightAnswer(product, { pixels });
  await expect(screen.getByTestId('counter-lost')).toHaveText('0');
  await expect(screen.getByRole('main').getByRole('alert')).toHaveCount(0);
  await screen.screenshot({ path: test.info().outputPath('screen.png') });
  await screen.context().close();
});

test('a sleeping phone counts as failed, and returns by itself', async () => {
  const [name = ''] = await seated();
  const page = phone(name);
  const [worker] = page.workers();
  if (worker === undefined) throw new Error(`${name} has no worker`);
  // A request without an answer stops the Worker as a sleep does: no timer fires, and no ping is answered.
  const server = createServer();
  const held = once(server, 'request');
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://phone.test:${(server.address() as AddressInfo).port}/`;
  const asleep = worker.evaluate((address) => {
    const request = new XMLHttpRequest();
    request.open('GET', address, false);
    try {
      request.send();
    } catch {
      // The answer has no permission for this page. It only ends the wait.
    }
  }, url);
  const [, response] = (await held) as [IncomingMessage, ServerResponse];
  await product.eventually('the sleeping phone is lost', async () => (await named(name)).state === 'lost');
  await expectRightAnswer(product);
  response.end();
  await asleep;
  server.close();
  await product.eventually('the phone is back', async () => (await named(name)).state === 'ready');
  await expect(page.getByTestId('join-slept')).toContainText('The fleet continued without it');
  expect(errors).toEqual([]);
});
