/** What a person does on the first page, in a real browser on the product as its README starts it. */
import { expect, type Page, test } from '@playwright/test';
import { drawStroke, SEVEN } from '../src/drawing.ts';
import type { Product } from '../src/product.ts';
import { lenet5File } from '../src/reference.ts';
import { sharedDashboard } from '../src/shared.ts';

let product: Product;
let page: Page;
const errors = sharedDashboard((...opened) => {
  [product, page] = opened;
});

const count = async (name: string) =>
  Number(((await page.getByTestId(`counter-${name}`).textContent()) ?? '').replace(/\D/g, ''));

test('the printed address opens the dashboard and leaves no token in the address bar', async () => {
  await expect(page.getByTestId('device-local-1')).toBeVisible();
  await expect(page.locator('[data-testid^="device-local-"]')).toHaveCount(6);
  expect(page.url()).not.toContain('token');
});

test('without the token there is only the sign-in page', async ({ browser }) => {
  const stranger = await browser.newPage();
  await stranger.goto(product.url);
  await expect(stranger.getByLabel('Operator token')).toBeVisible();
  await stranger.getByLabel('Operator token').fill('not-the-token');
  await stranger.keyboard.press('Enter');
  await expect(stranger.getByText('This token is not known.')).toBeVisible();
  await stranger.getByLabel('Operator token').fill(product.tokens.operator);
  await stranger.keyboard.press('Enter');
  await expect(stranger.getByTestId('device-local-1')).toBeVisible();
  await stranger.close();
});

test('a digit that is drawn with the mouse is read', async () => {
  await drawStroke(page.getByTestId('digit-canvas'), SEVEN);
  await expect(page.getByTestId('digit-prediction')).toHaveText(/7/);
});

test('a device is killed under load: nothing is lost, what it owed is recovered, and the drawing is read on', async () => {
  await page.getByRole('button', { name: 'Start load' }).click();
  await expect.poll(() => count('requests'), { timeout: 20_000 }).toBeGreaterThan(100);
  const device = page.locator('[data-testid^="device-local-"][data-role="data"]').first();
  const name = (await device.getAttribute('data-testid'))?.replace('device-', '') ?? '';
  const before = { requests: await count('requests'), recovered: await count('recovered') };

  await page.getByRole('button', { name: new RegExp(`^Kill ${name}`) }).click();
  await expect(page.getByTestId(`device-${name}`)).toHaveAttribute('data-state', 'dead');
  await expect.poll(() => count('requests'), { timeout: 20_000 }).toBeGreaterThan(before.requests + 100);
  expect(await count('recovered')).toBeGreaterThan(before.recovered);
  expect(await count('lost')).toBe(0);
  expect(await count('failed')).toBe(0);
  await expect(page.getByTestId('digit-prediction')).toHaveText(/7/);
  await expect(page.getByTestId('latency-chart')).toBeVisible();

  await page.getByRole('button', { name: new RegExp(`^Revive ${name}`) }).click();
  await expect(page.getByTestId(`device-${name}`)).toHaveAttribute('data-state', 'ready', {
    timeout: 20_000,
  });
  await page.getByRole('button', { name: 'Stop load' }).click();
  expect(await count('lost')).toBe(0);
});

test('a model is dropped on the page and deployed with k and r chosen', async () => {
  await page.getByLabel('ONNX file').setInputFiles(lenet5File);
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

test('something that is no model is refused in place, with a reason', async () => {
  await page.getByLabel('ONNX file').setInputFiles({
    name: 'notes.onnx',
    mimeType: 'application/octet-stream',
    buffer: Buffer.from('these are notes, not a network'),
  });
  await expect(page.getByText(/not (an )?ONNX|no ONNX|ONNX/i).last()).toBeVisible();
  expect(errors).toEqual([]);
});
