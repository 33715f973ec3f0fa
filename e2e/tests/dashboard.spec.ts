/** The main actions on the first page: sign in, draw, start load, kill a device, deploy a model. */
import { expect, type Page, test } from '@playwright/test';
import { drawStroke, SEVEN } from '../src/drawing.ts';
import type { Product } from '../src/product.ts';
import { lenet5File } from '../src/reference.ts';
import { readCounter, sharedDashboard } from '../src/shared.ts';

let product: Product;
let page: Page;
const errors = sharedDashboard((...opened) => {
  [product, page] = opened;
});

const count = (name: string) => readCounter(page, name);
const prediction = () => page.getByTestId('digit-prediction');

test('the printed address opens the dashboard and the token disappears from the address bar', async () => {
  await expect(page.getByTestId('device-local-1')).toBeVisible();
  await expect(page.locator('[data-testid^="device-local-"]')).toHaveCount(6);
  expect(page.url()).not.toContain('token');
});

test('without the token only the sign-in page is visible', async ({ browser }) => {
  const stranger = await browser.newPage();
  await stranger.goto(product.url);
  await expect(stranger.getByLabel('Operator token')).toBeVisible();
  await expect(stranger.getByTestId('device-local-1')).toHaveCount(0);
  await stranger.getByLabel('Operator token').fill('not-the-token');
  await stranger.keyboard.press('Enter');
  await expect(stranger.getByText('This token is not known.')).toBeVisible();
  await stranger.getByLabel('Operator token').fill(product.tokens.operator);
  await stranger.keyboard.press('Enter');
  await expect(stranger.getByTestId('device-local-1')).toBeVisible();
  await stranger.close();
});

test('a digit drawn with the mouse is classified', async () => {
  await expect(prediction()).toHaveText('?');
  await drawStroke(page.getByTestId('digit-canvas'), SEVEN);
  await expect(prediction()).toHaveText('7');
});

test('a kill under load loses no request, its answers are recovered, and the drawing is still classified', async () => {
  await page.getByRole('button', { name: 'Start load' }).click();
  await expect.poll(() => count('requests'), { timeout: 20_000 }).toBeGreaterThan(100);
  const device = page.locator('[data-testid^="device-local-"][data-role="data"]').first();
  const name = (await device.getAttribute('data-testid'))?.replace('device-', '') ?? '';
  const before = { requests: await count('requests'), survived: await count('survived') };

  await page.getByRole('button', { name: new RegExp(`^Kill ${name}`) }).click();
  await expect(page.getByTestId(`device-${name}`)).toHaveAttribute('data-state', 'dead');
  await expect.poll(() => count('requests'), { timeout: 20_000 }).toBeGreaterThan(before.requests + 100);
  await expect.poll(() => count('survived')).toBeGreaterThan(before.survived);
  expect(await count('lost')).toBe(0);
  expect(await count('failed')).toBe(0);
  const classified = await page.waitForResponse((response) => response.url().endsWith('/lenet5/infer'));
  expect(classified.status()).toBe(200);
  await expect(prediction()).toHaveText('7');
  await expect(page.getByTestId('latency-chart')).toBeVisible();

  await page.getByRole('button', { name: new RegExp(`^Revive ${name}`) }).click();
  await expect(page.getByTestId(`device-${name}`)).toHaveAttribute('data-state', 'ready', {
    timeout: 20_000,
  });
  await page.getByRole('button', { name: 'Stop load' }).click();
  expect(await count('lost')).toBe(0);
});

test('an uploaded model is deployed with the chosen k and r', async () => {
  await page.getByLabel('Model files').setInputFiles(lenet5File);
  await page.getByLabel('Deployment name').fill('mine');
  await page.getByLabel('k (data)').fill('3');
  await page.getByLabel('r (parity)').fill('1');
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await expect(page.getByTestId('deployment-mine')).toHaveAttribute('data-state', 'ready', {
    timeout: 30_000,
  });
  const deployment = await product.deployment('mine');
  expect(deployment).toMatchObject({ k: 3, r: 1, state: 'ready' });
});

test('a file that is not a model is rejected next to the upload, with the reason', async () => {
  const rejection = page.locator('#deploy').getByRole('alert');
  await expect(rejection).toHaveCount(0);
  await page.getByLabel('Model files').setInputFiles({
    name: 'notes.onnx',
    mimeType: 'application/octet-stream',
    buffer: Buffer.from('these are notes, not a network'),
  });
  await expect(rejection).toContainText('notes.onnx');
  await expect(rejection).toContainText('not an ONNX model');
  expect(errors).toEqual([]);
});
