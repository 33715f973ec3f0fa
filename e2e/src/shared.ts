/** The product and the dashboard that the tests of one file share. */
import { type Browser, type BrowserContextOptions, expect, type Page, test } from '@playwright/test';
import { Product, type StartOptions } from './product.ts';

/**
 * Starts a product before the tests of a file. Stops it and removes its home after the last test.
 * @param started  receives the product
 */
export function sharedProduct(started: (product: Product) => void, options: StartOptions = {}): void {
  let product: Product | undefined;
  test.beforeAll(async () => {
    product = await Product.start(options);
    started(product);
  });
  test.afterAll(async () => {
    await product?.stop();
    product?.removeHome();
  });
}

/**
 * Starts a product and opens its dashboard. Tests depend on the state that earlier tests leave, so they run in
 * order, and a failure skips the rest.
 * @param opened  receives the product and the page
 * @returns the errors of the page's scripts so far; grows during the tests
 */
export function sharedDashboard(
  opened: (product: Product, page: Page) => void,
  options: StartOptions = {},
): string[] {
  const errors: string[] = [];
  let product: Product;
  let page: Page | undefined;
  test.describe.configure({ mode: 'serial' });
  test.afterAll(async () => {
    await page?.context().close();
  });
  sharedProduct((started) => {
    product = started;
  }, options);
  test.beforeAll(async ({ browser }) => {
    page = await openDashboard(browser, product, errors);
    opened(product, page);
  });
  return errors;
}

/**
 * Opens the address that the terminal prints, in a new browser profile. Waits until the fleet is visible and the
 * page reacts.
 * @param errors  receives the errors of the page's scripts
 */
export async function openDashboard(
  browser: Browser,
  product: Product,
  errors: string[] = [],
  profile: BrowserContextOptions = {},
): Promise<Page> {
  const page = await (await browser.newContext(profile)).newPage();
  page.on('pageerror', ({ message }) => errors.push(message));
  await page.goto(`${product.url}/?token=${product.tokens.operator}`);
  await expect(page.getByTestId('device-local-1')).toBeVisible({ timeout: 30_000 });
  await untilLive(page);
  return page;
}

/** Waits until the page has its live connection. Before that, the server has drawn it, but it may not react yet. */
export async function untilLive(page: Page): Promise<void> {
  await expect(page.getByTestId('connection')).toHaveText('Live', { timeout: 30_000 });
}

/** Returns a counter of the dashboard, such as `lost`. @throws the counter shows no number */
export async function readCounter(page: Page, name: string): Promise<number> {
  const text = (await page.getByTestId(`counter-${name}`).textContent()) ?? '';
  if (!/^[\d,]+$/.test(text)) throw new Error(`the counter "${name}" shows "${text}", not a number`);
  return Number(text.replaceAll(',', ''));
}
