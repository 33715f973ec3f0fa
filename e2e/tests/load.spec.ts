/** Load from the dashboard: rate, duration and inputs. Pictures come from files, the canvas and a camera. */
import { expect, type Page, test } from '@playwright/test';
import { joinChunks, writeModel } from '@sparewheel/onnx';
import { smallModel } from '@sparewheel/onnx/testing';
import sharp from 'sharp';
import { drawStroke } from '../src/drawing.ts';
import type { Product } from '../src/product.ts';
import { openDashboard, sharedDashboard } from '../src/shared.ts';

let product: Product;
let page: Page;
const errors = sharedDashboard((...opened) => {
  [product, page] = opened;
});

const result = () => page.getByTestId('load-result');
const pictures = (of = page) => of.getByRole('list', { name: 'Pictures of the load' }).getByRole('listitem');
const input = (name: string, of = page) =>
  of.getByRole('radiogroup', { name: 'Inputs' }).getByRole('radio', { name });

/** Starts a load of a number of requests from the page and waits until it has ended. */
async function runLoad(requests: number): Promise<void> {
  await page.getByLabel('Request limit').fill(String(requests));
  await page.getByRole('button', { name: 'Start load' }).click();
  await expect(result()).toHaveAttribute('data-running', 'false', { timeout: 30_000 });
  await expect(result()).toContainText(
    `${requests} sent, ${requests} answered, 0 failed, 0 lost, 0 in flight`,
  );
}

test('a closed loop ends after the chosen number of requests', async () => {
  await runLoad(40);
});

test('an open loop shows its progress and ends after the chosen seconds', async () => {
  await page.getByRole('radio', { name: 'Open loop' }).click();
  await page.getByLabel('Requests per second').fill('40');
  await page.getByLabel('Duration (s)').fill('2');
  await page.getByLabel('Request limit').fill('');
  await page.getByRole('button', { name: 'Start load' }).click();
  await expect(page.getByRole('progressbar', { name: 'Progress of the load' })).toBeVisible();
  await expect(result()).toHaveAttribute('data-running', 'false', { timeout: 30_000 });
  const { load } = await product.deployment('lenet5');
  expect(load).toMatchObject({ mode: 'open', seconds: 2, failed: 0, lost: 0, inFlight: 0 });
  expect(load?.answered).toBe(load?.sent);
  // Poisson with a mean of 80, plus or minus five standard deviations.
  expect(load?.sent).toBeGreaterThan(35);
  expect(load?.sent).toBeLessThan(125);
  await page.getByRole('radio', { name: 'Closed loop' }).click();
  await page.getByLabel('Duration (s)').fill('');
});

test('images are scaled in the browser, and a file that is not an image is reported', async () => {
  await input('Images').click();
  await expect(page.getByRole('button', { name: 'Start load' })).toBeDisabled();
  const image = sharp({ create: { width: 640, height: 480, channels: 3, background: '#f4f4f0' } });
  const chosen = page.getByLabel('Images for the load');
  await chosen.setInputFiles([
    { name: 'paper.png', mimeType: 'image/png', buffer: await image.clone().png().toBuffer() },
    { name: 'paper.jpg', mimeType: 'image/jpeg', buffer: await image.clone().jpeg().toBuffer() },
    { name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('these are notes') },
  ]);
  await expect(page.getByText('notes.png is not an image that this browser can read.')).toBeVisible();
  await expect(pictures()).toHaveCount(2);
  await runLoad(12);
  expect((await product.deployment('lenet5')).load).toMatchObject({ pictures: 2 });
});

test('a drawing is used as the input', async () => {
  await input('Drawing').click();
  await drawStroke(page.getByTestId('load-canvas'), [
    [0.5, 0.15],
    [0.5, 0.85],
  ]);
  await page.getByRole('button', { name: 'Add drawing' }).click();
  await expect(pictures()).toHaveCount(3);
  for (const which of [1, 1]) await page.getByRole('button', { name: `Remove picture ${which},` }).click();
  await runLoad(8);
  expect((await product.deployment('lenet5')).load).toMatchObject({ pictures: 1 });
});

/** Starts a separate browser with camera settings, which are arguments of its process. */
async function withCamera(
  playwright: { chromium: typeof import('@playwright/test').chromium },
  launchOptions: { args?: string[] },
  args: readonly string[],
  check: (page: Page) => Promise<void>,
): Promise<void> {
  const browser = await playwright.chromium.launch({
    ...launchOptions,
    args: [...(launchOptions.args ?? []), ...args],
  });
  try {
    const opened = await openDashboard(browser, product, errors);
    await input('Camera', opened).click();
    await opened.getByRole('button', { name: 'Start the camera' }).click();
    await check(opened);
  } finally {
    await browser.close();
  }
}

test('pictures of a camera are used as inputs', async ({ playwright, launchOptions }) => {
  const fake = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
  await withCamera(playwright, launchOptions, fake, async (opened) => {
    for (let count = 1; count <= 3; count++) {
      await opened.getByRole('button', { name: 'Take picture' }).click();
      await expect(pictures(opened)).toHaveCount(count);
    }
    await opened.getByLabel('Request limit').fill('9');
    await opened.getByRole('button', { name: 'Start load' }).click();
    await expect(opened.getByTestId('load-result')).toContainText('9 sent, 9 answered, 0 failed, 0 lost');
    expect((await product.deployment('lenet5')).load).toMatchObject({ pictures: 3 });
  });
});

test('a missing camera is reported', async ({ playwright, launchOptions }) => {
  await withCamera(playwright, launchOptions, ['--use-fake-ui-for-media-stream'], async (opened) => {
    await expect(opened.getByText('No camera was found.')).toBeVisible();
  });
});

test('a camera without permission is reported, and can be started again', async ({
  playwright,
  launchOptions,
}) => {
  const device = ['--use-fake-device-for-media-stream', '--deny-permission-prompts'];
  await withCamera(playwright, launchOptions, device, async (opened) => {
    await expect(opened.getByText('The camera is not allowed for this page.')).toBeVisible();
    await expect(opened.getByRole('button', { name: 'Start the camera' })).toBeEnabled();
  });
});

test('a model without picture input gets random numbers, and the page says so', async () => {
  const uploaded = await product.api('/api/models?name=numbers', {
    method: 'POST',
    body: new Uint8Array(joinChunks(writeModel(smallModel()))),
  });
  expect(uploaded.status).toBeLessThan(300);
  await product.api('/api/deployments', {
    method: 'POST',
    json: { name: 'numbers', model: 'numbers', k: 2, r: 1, layers: 'all' },
  });
  await product.deploymentState('numbers', 'ready');
  await page.getByTestId('deployment-numbers').click();
  await expect(page.getByText('which is not a picture')).toBeVisible();
  await expect(page.getByRole('radiogroup', { name: 'Inputs' })).toHaveCount(0);
  await runLoad(10);
  const refused = await product.api<{ error: { code: string } }>('/api/deployments/numbers/load', {
    method: 'POST',
    json: { mode: 'closed', pictures: ['AAAA'] },
  });
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'wrong-picture' } } });
  expect(errors).toEqual([]);
});
