/** The other pages of the dashboard: models and plans, devices and faults, events, joining. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { type Product, repositoryRoot } from '../src/product.ts';
import { lenet5File } from '../src/reference.ts';
import { sharedDashboard, untilLive } from '../src/shared.ts';

let product: Product;
let page: Page;
const errors = sharedDashboard((...opened) => {
  [product, page] = opened;
});

const navigationLink = (name: string) =>
  page.getByRole('navigation', { name: 'Dashboard' }).getByRole('link', { name }).filter({ visible: true });

test('every page opens from the navigation by keyboard and is marked as current', async () => {
  for (const name of ['Models', 'Devices', 'Events', 'Settings', 'Live']) {
    await navigationLink(name).focus();
    await page.keyboard.press('Enter');
    await expect(navigationLink(name)).toHaveAttribute('aria-current', 'page');
    await expect(page.getByRole('heading', { level: 1, name })).toBeAttached();
  }
});

test('the plan is redrawn after every choice, and an impossible plan shows an error', async () => {
  await navigationLink('Models').click();
  await page.getByRole('link', { name: 'lenet5', exact: true }).first().click();
  await expect(page).toHaveURL(/\/models\/lenet5$/);
  const editor = page.getByTestId('plan-editor');

  await page.getByRole('radio', { name: 'All codable' }).click();
  await expect(page.getByTestId('plan-devices')).toHaveText('5');
  await expect(page.getByTestId('plan-coverage')).toHaveText('100 %');
  await expect(page.getByTestId('plan-seats').getByRole('listitem')).toHaveCount(5);
  await expect(page.getByTestId('plan-comparison')).toContainText(/the data plane alone [\d.]+ ms, 0 B/);
  await expect(page.locator('[data-testid=plan-steps] [data-kind=coded]')).toHaveCount(5);

  await page.getByLabel('Distribute conv1').uncheck();
  await expect(page.locator('[data-testid=plan-steps] [data-kind=coded]')).toHaveCount(4);
  await expect(page.getByRole('radio', { name: 'Custom' })).toBeChecked();

  await editor.getByLabel('k (data)').fill('12');
  await expect(editor.getByRole('alert')).toBeVisible();
  await expect(editor.getByRole('button', { name: 'Deploy' })).toBeDisabled();
  await editor.getByLabel('k (data)').fill('2');
  await expect(page.getByTestId('plan-devices')).toHaveText('3');
  await expect(editor.getByRole('alert')).toHaveCount(0);
});

test('deploys the plan that is shown', async () => {
  await page.getByLabel('Deployment name').fill('planned');
  await page.getByTestId('plan-editor').getByRole('button', { name: 'Deploy' }).click();
  await page.getByRole('link', { name: 'Show planned' }).click({ timeout: 60_000 });
  await expect(page).toHaveURL(/\?deployment=planned$/);
  await expect(page.getByTestId('deployment-planned')).toHaveAttribute('aria-pressed', 'true');
  expect(await product.deployment('planned')).toMatchObject({
    k: 2,
    r: 1,
    layers: ['conv2', 'fc1', 'fc2', 'fc3'],
  });
});

test('an uploaded model opens on its own page', async () => {
  await navigationLink('Models').click();
  // Waits for the navigation: the live page also has an upload field.
  await expect(page.getByRole('heading', { level: 1, name: 'Models' })).toBeVisible();
  await page.getByLabel('Model files').setInputFiles(lenet5File);
  await expect(page).toHaveURL(/\/models\/[\w.-]+$/, { timeout: 60_000 });
  await expect(page.getByTestId('plan-editor')).toBeVisible();
});

test('the device page sets a fault with a parameter and undoes it', async () => {
  await navigationLink('Devices').click();
  await page.getByRole('link', { name: 'local-2', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'local-2' })).toBeVisible();
  await page.getByLabel('Fault', { exact: true }).selectOption('slow');
  await page.getByLabel('Slowdown factor').fill('3');
  await page.getByRole('button', { name: 'Slow × 3' }).click();
  const standing = page.getByRole('list', { name: 'Active faults' });
  await expect(standing).toContainText('slow');
  await standing.getByRole('button', { name: /^Undo/ }).click();
  await expect(page.getByText('No active faults')).toBeVisible();
});

test('the waterfall shows each answer of a request, and the predicted gain of the waiting rules', async () => {
  await navigationLink('Live').click();
  await page.getByTestId('deployment-lenet5').click();
  await page.getByRole('button', { name: 'Start load' }).click();
  const lanes = page.getByTestId('waterfall').getByRole('list', { name: 'Lanes' }).getByRole('listitem');
  await expect(lanes).toHaveCount(6, { timeout: 30_000 });
  await expect(page.getByTestId('waiting-gain')).toContainText('predicted', { timeout: 30_000 });
  const picture = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save the chart as PNG' }).click();
  const file = await (await picture).path();
  expect(readFileSync(file).subarray(1, 4).toString()).toBe('PNG');
  await page.getByRole('button', { name: 'Stop load' }).click();
});

test('events are filtered, the filter is in the address, and they are exported', async () => {
  const [device] = (await product.devices()).filter(({ name }) => name === 'local-2');
  await navigationLink('Events').click();
  await page.getByLabel('Device', { exact: true }).selectOption({ label: 'local-2' });
  await page.getByLabel('Text').fill('slow');
  await expect(page).toHaveURL(new RegExp(`device=${device?.id}&text=slow`));
  const events = page.getByTestId('events').getByRole('listitem');
  await expect(events.first()).toContainText(/slow/i);
  await page.reload();
  await untilLive(page);
  await expect(page.getByLabel('Text')).toHaveValue('slow');
  await expect(events.first()).toContainText(/slow/i);

  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'JSON' }).click();
  const saved = JSON.parse(readFileSync(await (await download).path(), 'utf8')) as { device: string }[];
  expect(saved.length).toBeGreaterThan(0);
  expect(saved.every((event) => event.device === device?.id)).toBe(true);
  await page.getByLabel('Text').fill('nothing says this');
  await expect(page.getByText('No event matches this filter.')).toBeVisible();
});

test('the join dialog shows the command, but the token only on request', async () => {
  await navigationLink('Devices').click();
  await page.getByRole('button', { name: 'Add a device' }).click();
  await page.getByLabel('Device name').fill('kitchen pi');
  const command = page.getByTestId('join-command');
  await expect(command).toHaveText(
    `npm run agent -- --url ${product.dataUrl} --token JOIN_TOKEN --name kitchen-pi`,
  );
  expect(await page.content()).not.toContain(product.tokens.join);
  await page.getByRole('button', { name: 'Show the QR code and the join token' }).click();
  await expect(command).toHaveText(
    `npm run agent -- --url ${product.dataUrl} --token ${product.tokens.join} --name kitchen-pi`,
  );
  await expect(page.getByTestId('join-qr')).toHaveAttribute(
    'data-text',
    `${product.url}/join#token=${product.tokens.join}`,
  );
  await expect(page.getByTestId('join-address')).toHaveText(
    `${product.url}/join#token=${product.tokens.join}`,
  );
  await expect(page.getByText('A phone cannot reach this address')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Add a device' })).toBeFocused();
  expect(await page.content()).not.toContain(product.tokens.join);
});

test('the command in the join dialog adds this machine as a device', async () => {
  await page.getByRole('button', { name: 'Add a device' }).click();
  await page.getByLabel('Device name').fill('kitchen pi');
  await page.getByRole('button', { name: 'Show the QR code and the join token' }).click();
  const command = page.getByTestId('join-command');
  await expect(command).toContainText(product.tokens.join);
  const home = mkdtempSync(join(tmpdir(), 'sparewheel-pi-'));
  // In a shell, as a user types it. Its own process group, so that a signal ends all processes.
  const agent = spawn('sh', ['-c', (await command.textContent()) ?? ''], {
    cwd: repositoryRoot,
    detached: true,
    stdio: 'ignore',
    env: { ...process.env, SPAREWHEEL_HOME: home },
  });
  try {
    await page.keyboard.press('Escape');
    await expect(page.getByTestId('device-kitchen-pi')).toHaveAttribute('data-state', 'ready', {
      timeout: 60_000,
    });
    await page.getByRole('link', { name: 'kitchen-pi' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'kitchen-pi' })).toBeVisible();
    await expect(page.getByText('ONNX Runtime, native')).toBeVisible();
  } finally {
    if (agent.exitCode === null) {
      const ended = once(agent, 'exit');
      process.kill(-(agent.pid ?? 0), 'SIGINT');
      await ended;
    }
    rmSync(home, { recursive: true, force: true });
  }
});

test('the server draws a complete page, for a session only', async ({ browser }) => {
  const { cookies } = await page.context().storageState();
  const context = await browser.newContext({
    javaScriptEnabled: false,
    storageState: { cookies, origins: [] },
  });
  const plain = await context.newPage();
  for (const [path, text] of [
    ['/', 'local-1'],
    ['/devices', 'local-1'],
    ['/models', 'lenet5'],
    ['/events', 'local-2'],
    ['/settings', 'SPAREWHEEL_JOIN_TOKEN'],
  ] as const) {
    expect((await plain.goto(`${product.url}${path}`))?.status(), path).toBe(200);
    await expect(plain.getByRole('main')).toContainText(text);
    const withoutSession = await fetch(`${product.url}${path}`);
    expect(withoutSession.url).toBe(`${product.url}/sign-in`);
    expect(await withoutSession.text()).not.toMatch(/local-1|lenet5/);
  }
  await context.close();
});

test('unknown models and devices are reported', async () => {
  await page.goto(`${product.url}/models/nope`);
  await expect(page.getByText('No model has this name.')).toBeVisible();
  await page.goto(`${product.url}/devices/nope`);
  await expect(page.getByText('No device has this identity.')).toBeVisible();
});

test('every page fits a phone, and none threw an error', async () => {
  await page.setViewportSize({ width: 360, height: 780 });
  for (const path of ['/', '/models', '/models/lenet5', '/devices', '/events', '/settings']) {
    await page.goto(`${product.url}${path}`);
    await expect(page.getByRole('heading', { level: 1 })).toBeAttached();
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(beyond, path).toBeLessThanOrEqual(0);
  }
  expect(errors).toEqual([]);
});
