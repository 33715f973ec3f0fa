/** Failures while the dashboard is open: each shows what happened and what to do, and keeps the typed input. */
import { expect, type Page, type Route, test } from '@playwright/test';
import type { Product } from '../src/product.ts';
import { lenet5File } from '../src/reference.ts';
import { openDashboard, sharedDashboard } from '../src/shared.ts';

let product: Product;
let page: Page;
const errors = sharedDashboard((...opened) => {
  [product, page] = opened;
});

const connection = () => page.getByTestId('connection');

/** Fills a part of the deploy form. */
async function fillPartly(name: string): Promise<void> {
  await page.locator('#deploy').getByRole('button', { name: 'lenet5', exact: true }).click();
  await page.getByLabel('Deployment name').fill(name);
  await page.getByLabel('k (data)').fill('3');
}

test('a broken upload is reported, and the file can be sent again', async () => {
  await page.route('**/api/models?**', (route) => route.abort('connectionreset'));
  await page.getByLabel('Model files').setInputFiles(lenet5File);
  await expect(page.getByText('The upload was interrupted.')).toBeVisible();
  await expect(page.getByText('Nothing was kept.')).toBeVisible();
  await page.unroute('**/api/models?**');
  await page.getByRole('button', { name: 'Send it again' }).click();
  await expect(page.getByLabel('Deployment name')).toBeVisible();
  await page.getByRole('button', { name: 'Another model' }).click();
});

test('an upload can be canceled', async () => {
  let abortUpload: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    abortUpload = resolve;
  });
  await page.route('**/api/models?**', async (route) => {
    await held;
    await route.abort().catch(() => {});
  });
  await page.getByLabel('Model files').setInputFiles(lenet5File);
  await page.getByRole('button', { name: 'Cancel the upload' }).click();
  await expect(page.getByRole('button', { name: 'Choose files' })).toBeVisible();
  abortUpload();
  await page.unroute('**/api/models?**');
});

test('a killed control plane is reported; after its restart the page continues with the typed input', async () => {
  await fillPartly('interrupted');
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));
  await product.killControlPlane();
  await expect(page.getByText('The connection to the control plane is lost.')).toBeVisible();
  await expect(connection()).toHaveText('Reconnecting');
  // An action without a connection shows an error.
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await expect(page.locator('#deploy').getByText('The control plane does not answer.')).toBeVisible();
  await expect(page.getByLabel('Deployment name')).toHaveValue('interrupted');
  await product.restart();
  await product.deploymentState('lenet5', 'ready');
  await expect(connection()).toHaveText('Live', { timeout: 30_000 });
  await expect(page.getByText('The connection to the control plane is lost.')).toHaveCount(0);
  expect(await page.evaluate(() => 'sameDocument' in window)).toBe(true);
  await expect(page.getByLabel('Deployment name')).toHaveValue('interrupted');
  await expect(page.getByLabel('k (data)')).toHaveValue('3');
  await page.getByRole('button', { name: 'Deploy', exact: true }).click();
  await expect(page.getByTestId('deployment-interrupted')).toHaveAttribute('data-state', 'ready', {
    timeout: 30_000,
  });
});

test('deleting the shown deployment is reported, and the page switches to another one', async () => {
  await page.getByTestId('deployment-interrupted').click();
  await expect(page.getByTestId('deployment-interrupted')).toHaveAttribute('aria-pressed', 'true');
  expect((await product.api('/api/deployments/interrupted', { method: 'DELETE' })).status).toBe(204);
  await expect(page.getByText('Deployment interrupted does not exist')).toBeVisible();
  await expect(page.getByTestId('deployment-lenet5')).toHaveAttribute('aria-pressed', 'true');
  await page.getByRole('button', { name: 'Continue with lenet5' }).click();
  await expect(page.getByText('Deployment interrupted does not exist')).toHaveCount(0);
});

/**
 * Presses a button in every page before any of the requests reaches the product. Otherwise the first effect would
 * remove the button from the other pages.
 */
async function pressAtOnce(pages: readonly Page[], path: string, button: RegExp): Promise<void> {
  const held: Route[] = [];
  for (const each of pages) {
    await each.route(path, async (route) => {
      held.push(route);
      if (held.length === pages.length) await Promise.all(held.map((each) => each.continue()));
    });
  }
  await Promise.all(pages.map((each) => each.getByRole('button', { name: button }).click()));
  await expect.poll(() => held.length).toBe(pages.length);
  for (const each of pages) await each.unroute(path);
}

test('two operators press Kill at once: one effect and no error', async ({ browser }) => {
  const other = await openDashboard(browser, product, errors);
  await pressAtOnce([page, other], '**/api/devices/*/faults', /^Kill local-2/);
  for (const each of [page, other]) {
    await expect(each.getByTestId('device-local-2')).toHaveAttribute('data-state', 'dead');
    await expect(each.getByTestId('device-local-2').getByRole('alert')).toHaveCount(0);
  }
  await pressAtOnce([page, other], '**/api/devices/*/revive', /^Revive local-2/);
  for (const each of [page, other]) {
    await expect(each.getByTestId('device-local-2')).toHaveAttribute('data-state', 'ready', {
      timeout: 20_000,
    });
    await expect(each.getByTestId('device-local-2').getByRole('alert')).toHaveCount(0);
  }
  await product.deploymentState('lenet5', 'ready');
  await other.context().close();
});

test('a browser without WebAssembly SIMD shows why it cannot be a device', async ({ browser }) => {
  const old = await (await browser.newContext()).newPage();
  await old.addInitScript(() => {
    WebAssembly.validate = () => false;
  });
  await old.goto(`${product.url}/join#token=${product.tokens.join}`);
  await expect(old.getByRole('heading', { name: 'This browser cannot be a device' })).toBeVisible();
  await expect(old.getByText('Its WebAssembly has no SIMD')).toBeVisible();
  expect((await product.devices()).length).toBe(6);
  await old.context().close();
});

test('a page that fails to render shows an error in the chosen theme', async ({ browser }) => {
  for (const theme of ['dark', 'light'] as const) {
    const broken = await (await browser.newContext({ colorScheme: 'light' })).newPage();
    await broken.goto(`${product.url}/sign-in`);
    await broken.addInitScript((chosen) => {
      localStorage.setItem('theme', chosen);
      // The root layout of every page calls it.
      window.matchMedia = () => {
        throw new Error('matchMedia is broken');
      };
    }, theme);
    await broken.goto(`${product.url}/sign-in`);
    await expect(broken.getByRole('heading', { name: 'The dashboard failed to load' })).toBeVisible();
    await expect(broken.locator('html')).toHaveCSS(
      'background-color',
      theme === 'dark' ? 'rgb(11, 11, 13)' : 'rgb(247, 247, 248)',
    );
    await expect(broken.getByRole('button', { name: 'Try again' })).toBeVisible();
    await broken.context().close();
  }
});

test('an ended session asks for the token on the page and keeps the typed input', async () => {
  await fillPartly('later');
  await product.stop();
  await expect(connection()).toHaveText('Reconnecting');
  const other = 'another-operator-token-of-the-tests';
  await product.restart({ SPAREWHEEL_OPERATOR_TOKEN: other });
  await expect(page.getByText('Your session has ended.')).toBeVisible({ timeout: 30_000 });
  await page.getByLabel('Operator token').fill(other);
  await page.keyboard.press('Enter');
  await expect(connection()).toHaveText('Live');
  await expect(page.getByText('Your session has ended.')).toHaveCount(0);
  await expect(page.getByLabel('Deployment name')).toHaveValue('later');
  expect(errors).toEqual([]);
});
