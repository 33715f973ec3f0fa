/** Browser tabs as devices: two of them hold shards next to local processes. */
import { readFileSync } from 'node:fs';
import { type Browser, expect, type Page, test } from '@playwright/test';
import type { DeviceView } from '@sparewheel/protocol';
import type { Product } from '../src/product.ts';
import { expectRightAnswer, lenet5File, sampleImages } from '../src/reference.ts';
import { sharedProduct } from '../src/shared.ts';

const TABS = ['tab-one', 'tab-two'] as const;

let product: Product;
const tabs = new Map<string, Page>();
const errors: string[] = [];

test.describe.configure({ mode: 'serial' });

test.afterAll(async () => {
  for (const page of tabs.values()) await page.context().close();
});
sharedProduct(
  (started) => {
    product = started;
  },
  { args: ['--fleet', '3', '--no-demo'], withoutDemo: true },
);

/** Opens a join page in its own browser profile, like a separate phone. */
async function openTab(browser: Browser, name: string, width: number): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 780 } });
  const page = await context.newPage();
  page.on('pageerror', ({ message }) => errors.push(message));
  await page.goto(`${product.url}/join#token=${product.tokens.join}&name=${name}`);
  return page;
}

const tab = (name: string): Page => {
  const page = tabs.get(name);
  if (page === undefined) throw new Error(`${name} is not open`);
  return page;
};
const state = (page: Page) => page.getByTestId('join-device');
const number = async (page: Page, id: string) =>
  Number(((await page.getByTestId(`join-${id}`).textContent()) ?? '').replace(/[^\d.]/g, ''));

async function device(name: string): Promise<DeviceView> {
  const found = (await product.devices()).find((each) => each.name === name);
  if (found === undefined) throw new Error(`${name} has not joined`);
  return found;
}

const become = (name: string, wanted: DeviceView['state'] | 'gone') =>
  product.eventually(`${name} ${wanted}`, async () => {
    const { state: now } = await device(name);
    return wanted === 'gone' ? now !== 'ready' : now === wanted;
  });

async function expectAnswersAgree(): Promise<void> {
  for (const { pixels } of sampleImages().slice(0, 3)) await expectRightAnswer(product, { pixels });
}

test('a wrong token is rejected on the join page, and the right one can be entered there', async ({
  browser,
}) => {
  const page = await browser.newPage({ viewport: { width: 360, height: 780 } });
  await page.goto(`${product.url}/join?token=not-the-token`);
  await expect(page.getByText('The join token is not known.')).toBeVisible({ timeout: 30_000 });
  expect(page.url()).not.toContain('token');
  await page.getByLabel('Join token').fill(product.tokens.join);
  await page.getByRole('button', { name: 'Join', exact: true }).click();
  await expect(state(page)).toHaveAttribute('data-state', 'Joined', { timeout: 30_000 });
  await page.getByRole('button', { name: 'Leave the fleet' }).click();
  await expect(page.getByText('This tab has left the fleet')).toBeVisible();
  await page.close();
});

test('two tabs join and get shards, and answers agree with the undivided model', async ({ browser }) => {
  for (const [index, name] of TABS.entries()) {
    const page = await openTab(browser, name, index === 0 ? 360 : 1280);
    tabs.set(name, page);
    await expect(state(page)).toHaveAttribute('data-state', 'Joined', { timeout: 30_000 });
    expect(page.url()).not.toContain('token');
  }
  const uploaded = await product.api('/api/models?name=lenet5', {
    method: 'POST',
    body: readFileSync(lenet5File),
  });
  expect(uploaded.status).toBeLessThan(300);
  // Five seats for three processes and two tabs, so each device gets one.
  const { status } = await product.api('/api/deployments', {
    method: 'POST',
    json: { name: 'lenet5', model: 'lenet5', k: 4, r: 1, layers: 'all' },
  });
  expect(status).toBeLessThan(300);
  await product.deploymentState('lenet5', 'ready');
  for (const name of TABS) {
    expect(await device(name)).toMatchObject({ state: 'ready', engine: 'wasm', supervised: true });
    expect((await device(name)).seats).toMatchObject([{ deployment: 'lenet5', state: 'ready' }]);
    await expect(state(tab(name))).toHaveAttribute('data-state', 'Serving');
  }
  await expectAnswersAgree();
  for (const name of TABS) await expect.poll(() => number(tab(name), 'answers')).toBeGreaterThan(0);
});

test('a tab killed from the dashboard ends at once, and serves again when it is revived', async () => {
  const { id } = await device('tab-one');
  await product.fault(id, { kind: 'kill' });
  await expect(state(tab('tab-one'))).toHaveAttribute('data-state', 'Killed');
  await become('tab-one', 'dead');
  await expectAnswersAgree();
  await product.api(`/api/devices/${id}/revive`, { method: 'POST' });
  await product.deploymentState('lenet5', 'ready');
  await expect(state(tab('tab-one'))).toHaveAttribute('data-state', 'Serving');
});

test('a tab restarts a crashed engine by itself and serves again', async () => {
  const page = tab('tab-one');
  const worker = page.workers()[0];
  if (worker === undefined) throw new Error('the tab has no worker');
  await worker.evaluate(() => {
    setTimeout(() => void Promise.reject(new Error('out of memory, says the test')));
  });
  await expect.poll(() => page.workers().includes(worker)).toBe(false);
  await expect(state(page)).toHaveAttribute('data-state', 'Serving', { timeout: 30_000 });
  await product.deploymentState('lenet5', 'ready');
  await expectAnswersAgree();
  expect(errors.splice(0)).toEqual(['out of memory, says the test']);
});

test('a partitioned tab is unreachable until it is healed in the tab', async () => {
  const { id } = await device('tab-two');
  await product.fault(id, { kind: 'partition' });
  await expect(state(tab('tab-two'))).toHaveAttribute('data-state', 'Partitioned');
  // Only a ping timeout reveals the partition.
  await become('tab-two', 'gone');
  await expectAnswersAgree();
  await tab('tab-two').getByRole('button', { name: 'Heal' }).click();
  await become('tab-two', 'ready');
  await product.deploymentState('lenet5', 'ready');
});

test('a reloaded tab is the same device, and serves without a transfer', async () => {
  const before = await device('tab-two');
  const page = tab('tab-two');
  await page.reload();
  await expect(state(page)).toHaveAttribute('data-state', 'Serving', { timeout: 30_000 });
  await become('tab-two', 'ready');
  const after = await device('tab-two');
  expect(after.id).toBe(before.id);
  const deployment = await product.deploymentState('lenet5', 'ready');
  const seat = deployment.progress.seats.find(({ device: held }) => held === after.id);
  expect(seat).toMatchObject({ sentBytes: 0 });
});

test('an insecure page keeps shards in memory, and says so', async ({ playwright, launchOptions }) => {
  // Another host name for this machine. Unlike localhost, the browser treats it as insecure, like a LAN address.
  const rule = '--host-resolver-rules=MAP phone.test 127.0.0.1';
  const browser = await playwright.chromium.launch({
    ...launchOptions,
    args: [...(launchOptions.args ?? []), rule],
  });
  const page = await browser.newPage({ viewport: { width: 360, height: 780 } });
  await page.goto(`http://phone.test:${product.ports.control}/join?token=${product.tokens.join}&name=phone`);
  await expect(state(page)).toHaveAttribute('data-state', 'Joined', { timeout: 30_000 });
  expect(await page.evaluate(() => window.isSecureContext)).toBe(false);
  await expect(page.getByText('Shards are kept in memory only')).toBeVisible();
  // The new device is the fleet's standby: it takes over the seat of the killed tab.
  const { id } = await device('tab-one');
  await product.fault(id, { kind: 'kill' });
  await expect(state(page)).toHaveAttribute('data-state', 'Serving', { timeout: 30_000 });
  await product.deploymentState('lenet5', 'ready');
  await expectAnswersAgree();
  await browser.close();
  await product.api(`/api/devices/${id}/revive`, { method: 'POST' });
  await product.deploymentState('lenet5', 'ready');
});

test('closing a tab under load loses and fails no request', async () => {
  await product.api('/api/deployments/lenet5/load', {
    method: 'POST',
    json: { mode: 'closed', concurrency: 4 },
  });
  const answered = async () => (await product.latency('lenet5')).counts.answered;
  const start = await answered();
  await product.eventually('200 answers with both tabs', async () => (await answered()) > start + 200);
  // Only a data shard must be recovered, and r = 1, so at least one of the tabs holds one.
  const roles = await Promise.all(TABS.map(async (name) => (await device(name)).roles));
  const closed = TABS.find((_, index) => roles[index]?.includes('data'));
  if (closed === undefined) throw new Error(`no tab holds a data shard: ${JSON.stringify(roles)}`);
  const before = await product.latency('lenet5');
  await tab(closed).close();
  await product.eventually(
    '300 answers without the tab',
    async () => (await answered()) > before.counts.answered + 300,
  );
  await become(closed, 'gone');
  const stopped = await product.api<{ sent: number; answered: number; failed: number; lost: number }>(
    '/api/deployments/lenet5/load',
    { method: 'DELETE' },
  );
  expect(stopped.body).toMatchObject({ failed: 0, lost: 0 });
  expect(stopped.body.answered).toBe(stopped.body.sent);
  const { counts } = await product.latency('lenet5');
  expect(counts.recovered).toBeGreaterThan(before.counts.recovered);
  expect({ failed: counts.failed, lost: counts.lost }).toEqual({ failed: 0, lost: 0 });
  await expectAnswersAgree();
});

test('a tab reconnects by itself after the control plane is killed and restarted', async () => {
  const open = TABS.find((name) => !tab(name).isClosed());
  if (open === undefined) throw new Error('no tab is open');
  await product.killControlPlane();
  await expect(state(tab(open))).toHaveAttribute('data-state', 'Connection lost');
  await product.restart();
  await become(open, 'ready');
  await expect(state(tab(open))).toHaveAttribute('data-state', 'Serving', { timeout: 30_000 });
  await product.eventually('correct answers', async () => {
    await expectAnswersAgree();
    return true;
  });
  expect(errors).toEqual([]);
});
