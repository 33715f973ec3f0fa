/** What the dashboard says about plans, devices and joining is true, and no dangerous button moves. */
import { networkInterfaces } from 'node:os';
import { type Browser, expect, type Page, test } from '@playwright/test';
import type { DeviceView, JoinAddressesView } from '@sparewheel/protocol';
import { Product } from '../src/product.ts';
import { openDashboard, untilLive } from '../src/shared.ts';

/** Runs a test with a product of its own and an open dashboard. */
async function withDashboard(
  browser: Browser,
  work: (product: Product, page: Page) => Promise<void>,
  ...options: Parameters<typeof Product.start>
): Promise<void> {
  const product = await Product.start(...options);
  let page: Page | undefined;
  try {
    page = await openDashboard(browser, product);
    await work(product, page);
  } finally {
    await page?.context().close();
    await product.stop();
    product.removeHome();
  }
}

const rowNames = (page: Page) =>
  page
    .getByRole('list', { name: 'Devices' })
    .locator('[data-testid^="device-"]')
    .evaluateAll((rows) => rows.map((row) => row.getAttribute('data-testid')));

async function deviceNamed(product: Product, name: string): Promise<DeviceView> {
  const device = (await product.devices()).find((each) => each.name === name);
  if (device === undefined) throw new Error(`there is no device ${name}`);
  return device;
}

/** Kills a device and waits until it has no connection. */
async function kill(product: Product, name: string): Promise<DeviceView> {
  const { id } = await deviceNamed(product, name);
  await product.fault(id, { kind: 'kill' });
  return product.eventually(`${name} has no connection`, async () => {
    const device = await deviceNamed(product, name);
    return !device.connected && device;
  });
}

test('the form says before the deployment what will run where and how fast, and the header afterwards', async ({
  browser,
}) => {
  await withDashboard(browser, async (product, page) => {
    const form = page.locator('#deploy');
    await form.getByRole('button', { name: 'lenet5' }).click();
    const outlook = page.getByTestId('plan-outlook');
    // The form starts as the demo does.
    await expect(outlook).toContainText('Distributes 5 of 5 linear layers over 5 devices.');
    await expect(outlook).toContainText('Survives any 1 of 5 devices for 25 % more hardware.');

    await form.getByText('Advanced', { exact: true }).click();
    await form.getByLabel('Objective').selectOption('latency');
    await form.getByLabel('Layers', { exact: true }).selectOption('auto');
    // On this machine, the small network is faster undivided, on the data plane or on one device.
    await expect(outlook).toContainText(/Runs whole on [^.]+: distributed it would be [\d.]+ × slower\./);
    for (const way of ['This plan', 'One device alone', 'Data plane alone']) {
      await expect(
        outlook.getByRole('row', { name: new RegExp(`^${way} [\\d.]+ ms [\\d.]+ K?B$`) }),
      ).toBeVisible();
    }
    await expect(form).not.toContainText('Survives any 1 of 5 devices');

    await form.getByLabel('Deployment name').fill('whole');
    await form.getByRole('button', { name: 'Deploy' }).click();
    const deployed = await product.deploymentState('whole', 'ready');
    await page.getByRole('button', { name: 'Show whole' }).click();
    const facts = page.getByTestId('deployment-facts');
    await expect(facts).toContainText(deployed.runsWhole ?? 'no reason');
    await expect(facts).toContainText(
      /predicted [\d.]+ ms · one device alone [\d.]+ ms · data plane alone [\d.]+ ms/,
    );
    await expect(facts).not.toContainText('4 + 1 coded');
    // This machine decides whether the data plane or one device is faster. Then the plan uses no device, or replicas.
    const unused = deployed.coverage === null;
    await expect(facts).toContainText(unused ? 'Nothing is distributed' : /1 \+ \d+ replicas/);
    const row = page.getByTestId('device-local-1').filter({ hasText: 'Not used' });
    await expect(row).toHaveCount(unused ? 1 : 0);
    const kill = page.getByRole('button', { name: /^Kill local-1.*whole does not use this device/ });
    await expect(kill).toHaveCount(unused ? 1 : 0);

    // By default, Sparewheel listens on this machine only. The dialog says so, and how to change it.
    await page.getByRole('button', { name: 'Add a device' }).click();
    await expect(page.getByRole('dialog')).toContainText('Only this machine can join.');
    await expect(page.getByRole('dialog')).toContainText('start it with HOST=0.0.0.0 npm start');
  });
});

test('no row and no button moves after a kill and a takeover', async ({ browser }) => {
  await withDashboard(browser, async (product, page) => {
    const names = await rowNames(page);
    const held = (await product.deployment('lenet5')).progress.seats[1]?.deviceName ?? '';
    const others = names
      .filter((name) => name !== `device-${held}`)
      .map((name) => name?.replace('device-', ''));
    const button = (name: string) =>
      page.getByTestId(`device-${name}`).getByRole('button', { name: new RegExp(`^(Kill|Revive) ${name}`) });
    const places = async () =>
      Promise.all([held, ...others].map(async (name) => (await button(name ?? '').boundingBox())?.y));
    const before = await places();
    await button(held).click();
    await expect(page.getByTestId(`device-${held}`)).toHaveAttribute('data-state', 'dead');
    expect(await places()).toEqual(before);
    // The standby takes the seat over, and the dead device loses it.
    await product.eventually('the seat has another device', async () => {
      const [, seat] = (await product.deployment('lenet5')).progress.seats;
      return seat?.state === 'ready' && seat.deviceName !== held;
    });
    await expect(page.getByTestId(`device-${held}`)).toContainText('No seat');
    expect(await places()).toEqual(before);
    expect(await rowNames(page)).toEqual(names);
    // The same after a press elsewhere and after the device has returned.
    await page.mouse.move(0, 0);
    await button(held).click();
    await expect(page.getByTestId(`device-${held}`)).toHaveAttribute('data-state', 'ready', {
      timeout: 30_000,
    });
    expect(await rowNames(page)).toEqual(names);
    expect(await places()).toEqual(before);
  });
});

test('a device leaves its quarantine by Release', async ({ browser }) => {
  await withDashboard(browser, async (product, page) => {
    const { id } = await deviceNamed(product, 'local-1');
    const early = await product.api<{ error: { code: string } }>(`/api/devices/${id}/release`, {
      method: 'POST',
    });
    expect(early).toMatchObject({ status: 409, body: { error: { code: 'not-quarantined' } } });
    const policy = { waitMs: 'any-k', verify: 'before', deadlineMs: 10_000 };
    await product.api('/api/deployments', {
      method: 'POST',
      json: { name: 'checked', model: 'lenet5', k: 3, r: 2, layers: 'all', policy },
    });
    await product.deploymentState('checked', 'ready');
    const { id: corrupt, name: corruptName } = await product.holderOf('checked', 0);
    await product.fault(corrupt, { kind: 'corrupt', amount: 100 });
    await product.api('/api/deployments/checked/load', {
      method: 'POST',
      json: { mode: 'closed', concurrency: 2 },
    });
    await expect(page.getByTestId(`device-${corruptName}`)).toHaveAttribute('data-state', 'quarantined', {
      timeout: 60_000,
    });
    await product.api('/api/deployments/checked/load', { method: 'DELETE' });
    await product.fault(corrupt, { kind: 'heal' });
    await page.getByRole('button', { name: new RegExp(`^Release ${corruptName}`) }).click();
    await expect(page.getByTestId(`device-${corruptName}`)).toHaveAttribute('data-state', 'ready');
    const again = await product.api(`/api/devices/${corrupt}/release`, { method: 'POST' });
    expect(again.status).toBe(409);
    expect((await product.api('/api/devices/unknown/release', { method: 'POST' })).status).toBe(404);
  });
});

test('a forgotten device stays away after a restart, and is new when it joins again', async ({ browser }) => {
  await withDashboard(browser, async (product, page) => {
    const connected = await deviceNamed(product, 'local-3');
    const refused = await product.api<{ error: { code: string } }>(`/api/devices/${connected.id}`, {
      method: 'DELETE',
    });
    expect(refused).toMatchObject({ status: 409, body: { error: { code: 'device-connected' } } });
    expect((await product.api('/api/devices/unknown', { method: 'DELETE' })).status).toBe(404);

    const { id } = await kill(product, 'local-3');
    await page.getByRole('button', { name: 'More faults for local-3' }).click();
    await page.getByRole('menuitem', { name: /^Forget/ }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect((await product.devices()).map((device) => device.id)).toContain(id);
    await page.getByRole('button', { name: 'More faults for local-3' }).click();
    await page.getByRole('menuitem', { name: /^Forget/ }).click();
    await page.getByRole('button', { name: 'Forget local-3' }).click();
    await expect(page.getByTestId('device-local-3')).toHaveCount(0);
    expect((await product.devices()).map((device) => device.id)).not.toContain(id);
    await product.deploymentState('lenet5', 'ready');
    const events = await product.api<readonly { kind: string; device: string }[]>('/api/events?limit=50');
    expect(events.body.find(({ kind }) => kind === 'device-forgotten')?.device).toBe(id);

    // The restart ends the local fleet, which starts the device again: with the same identity, as a new device.
    await product.stop();
    await product.restart();
    await product.eventually(
      'local-3 is ready',
      async () => (await deviceNamed(product, 'local-3')).state === 'ready',
    );
    const after = await product.api<readonly { kind: string; device: string }[]>(
      `/api/events?device=${id}&limit=50`,
    );
    const kinds = after.body.map(({ kind }) => kind);
    // Newest first.
    expect(kinds.indexOf('device-joined')).toBeLessThan(kinds.indexOf('device-forgotten'));
    await product.deploymentState('lenet5', 'ready');
    const { seats } = (await product.deployment('lenet5')).progress;
    expect(seats.map(({ device }) => device)).not.toContain(id);
  });
});

/** An address of this machine that other machines reach; undefined without a network. */
const network: string | undefined = Object.values(networkInterfaces())
  .flatMap((infos = []) => infos)
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

test('the join dialog offers an address of the network, if there is one, and a browser joins at it', async ({
  browser,
}) => {
  const start = { args: ['--no-fleet', '--no-demo'], environment: { HOST: '0.0.0.0' }, withoutDemo: true };
  const product = await Product.start(start);
  const context = await browser.newContext();
  try {
    const { body } = await product.api<JoinAddressesView>('/api/join/addresses');
    expect(body.addresses.map(({ hostname }) => hostname)).toEqual(
      network === undefined ? [] : expect.arrayContaining([network]),
    );
    const onNetwork = `On the network: http://${network}:${product.ports.control}`;
    expect(product.output.join('\n').includes(onNetwork)).toBe(network !== undefined);

    const page = await context.newPage();
    await page.goto(`${product.url}/?token=${product.tokens.operator}`);
    await untilLive(page);
    await page.getByRole('button', { name: 'Add a device' }).click();
    const dialog = page.getByRole('dialog');
    if (network === undefined) {
      await expect(dialog).toContainText('Only this machine can join.');
    } else {
      const choice = dialog.getByLabel('Address of this machine');
      await expect(choice.locator('option').last()).toHaveText('127.0.0.1 (this machine only)');
      await choice.selectOption(`http://${network}:${product.ports.data}`);
    }
    const reachable = network ?? '127.0.0.1';
    await expect(dialog.getByTestId('join-command')).toContainText(
      `--url http://${reachable}:${product.ports.data} `,
    );
    await dialog.getByRole('button', { name: 'Show the QR code and the join token' }).click();
    const address = await dialog.getByTestId('join-qr').getAttribute('data-text');
    expect(address).toBe(`http://${reachable}:${product.ports.control}/join#token=${product.tokens.join}`);
    await expect(dialog.getByText('A phone cannot reach this address')).toHaveCount(
      network === undefined ? 1 : 0,
    );

    const phone = await context.newPage();
    await phone.goto(address ?? '');
    expect(await phone.evaluate(() => window.isSecureContext)).toBe(network === undefined);
    await product.eventually('the browser is a ready device', async () =>
      (await product.devices()).some(({ state, engine }) => state === 'ready' && engine === 'wasm'),
    );
  } finally {
    await context.close();
    await product.stop();
    product.removeHome();
  }
});
