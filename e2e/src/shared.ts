/** What the tests of one file share: a product that runs from before the first to after the last, and the dashboard on it. */
import { type Browser, type BrowserContextOptions, expect, type Page, test } from '@playwright/test';
import { Product, type StartOptions } from './product.ts';

/**
 * Starts a product for the file that calls this, and ends it and removes its home after the last test.
 * @param started  told the product
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
 * A product with its dashboard open in a browser. What one test does is there in the next: they run in their order, and
 * where one fails, those after it do not run.
 * @param opened  told the product and the page
 * @returns what any of the page's scripts threw, filled as it happens
 */
export function sharedDashboard(opened: (product: Product, page: Page) => void): string[] {
  const errors: string[] = [];
  let product: Product;
  let page: Page | undefined;
  test.describe.configure({ mode: 'serial' });
  test.afterAll(async () => {
    await page?.context().close();
  });
  sharedProduct((started) => {
    product = started;
  });
  test.beforeAll(async ({ browser }) => {
    page = await openDashboard(browser, product, errors);
    opened(product, page);
  });
  return errors;
}

/**
 * Opens the address that the terminal prints, in a profile of its own, and waits until the fleet is there.
 * @param errors  filled with what the page's scripts throw
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
  return page;
}
