/** WCAG 2.2 A and AA checks by axe, on every page and dialog, in both themes; and use by keyboard only. */
import AxeBuilder from '@axe-core/playwright';
import { type Browser, expect, type Page, test } from '@playwright/test';
import type { Product } from '../src/product.ts';
import { openDashboard, sharedProduct } from '../src/shared.ts';

let product: Product;
sharedProduct((started) => {
  product = started;
});

// Axe checks every element, and the pages have many.
test.describe.configure({ timeout: 300_000 });

const open = (browser: Browser) => openDashboard(browser, product, [], { reducedMotion: 'reduce' });

/** The themes differ only in colors, so the dark theme needs only these rules. */
const COLOR_RULES = ['color-contrast', 'link-in-text-block'];
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/**
 * Returns axe's violations in both themes, one line each.
 * @param part  selects what has changed since the whole page was checked; default: the whole page
 */
async function violations(page: Page, part?: string): Promise<string[]> {
  // A part that is not there would have no violations.
  if (part !== undefined) await expect(page.locator(part)).toBeVisible();
  const found: string[] = [];
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await expect(page.locator('html')).toHaveClass(theme === 'dark' ? /\bdark\b/ : /\blight\b/);
    // Faster settings: no details of passed rules, and no support for frames, which these pages do not use.
    expect(page.frames()).toHaveLength(1);
    const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).setLegacyMode();
    if (part !== undefined) axe.include(part);
    const { violations: broken } = await (theme === 'dark'
      ? axe.withRules(COLOR_RULES)
      : axe.withTags(TAGS)
    ).analyze();
    for (const { id, nodes } of broken) {
      for (const { target, failureSummary } of nodes) {
        found.push(`${theme}: ${id}: ${target.join(' ')}: ${failureSummary}`);
      }
    }
  }
  return found;
}

test('every page has no violations, in light and dark', async ({ browser }) => {
  const page = await open(browser);
  const [device] = await product.devices();
  for (const path of [
    '/',
    '/models',
    '/models/lenet5',
    '/devices',
    `/devices/${device?.id}`,
    '/events',
    '/settings',
    '/nowhere',
    '/models/nope',
    '/join',
    '/stage',
  ]) {
    await page.goto(`${product.url}${path}`);
    await expect(page.getByRole('heading', { level: 1 })).toBeAttached();
    await expect(page.getByLabel('Connecting to the control plane')).toHaveCount(0);
    expect(await violations(page), path).toEqual([]);
  }
  await page.context().close();
});

test('the live page has no violations under load, with a dead device and a drawing', async ({ browser }) => {
  const page = await open(browser);
  await page.getByRole('button', { name: 'Load a sample 7' }).click();
  // A closed loop would take all the processor time that axe needs.
  await page.getByRole('radio', { name: 'Open loop' }).click();
  await page.getByLabel('Requests per second').fill('20');
  await page.getByRole('button', { name: 'Start load' }).click();
  await page.getByRole('button', { name: /^Kill local-3/ }).click();
  await expect(page.getByTestId('device-local-3')).toHaveAttribute('data-state', 'dead');
  await expect(page.getByTestId('waterfall')).toBeVisible();
  expect(await violations(page)).toEqual([]);
  for (const view of ['Log', 'Coded / uncoded', 'Over time', 'By period']) {
    await page.getByRole('radio', { name: view, exact: true }).click();
    expect(await violations(page, 'section[aria-label="Latency"]'), view).toEqual([]);
  }
  await page.getByRole('button', { name: /^Revive local-3/ }).click();
  await page.getByRole('button', { name: 'Stop load' }).click();
  await product.deploymentState('lenet5', 'ready');
  await page.context().close();
});

test('dialogs, menus and forms have no violations, in light and dark', async ({ browser }) => {
  const page = await open(browser);
  const closed = async () => {
    await page.keyboard.press('Escape');
    await expect(page.getByRole('menu')).toHaveCount(0);
  };
  await page.getByRole('button', { name: 'More faults for local-1' }).click();
  expect(await violations(page, '[role=menu]'), 'faults').toEqual([]);
  await closed();
  await page.getByRole('button', { name: /^Theme/ }).click();
  expect(await violations(page, '[role=menu]'), 'theme').toEqual([]);
  await closed();
  await page.getByRole('button', { name: 'Actions for deployment lenet5' }).click();
  expect(await violations(page, '[role=menu]'), 'deployment').toEqual([]);
  await page.getByRole('menuitem', { name: /Delete/ }).click();
  await expect(page.getByRole('alertdialog')).toBeVisible();
  expect(await violations(page, '[role=alertdialog]'), 'confirm').toEqual([]);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Add a device' }).click();
  await page.getByRole('button', { name: 'Show the QR code and the join token' }).click();
  await expect(page.getByTestId('join-qr')).toBeVisible();
  expect(await violations(page, '[role=dialog]'), 'join').toEqual([]);
  await page.keyboard.press('Escape');
  await page.getByRole('radio', { name: 'Drawing' }).click();
  expect(await violations(page, 'section[aria-label="Load"]'), 'drawing').toEqual([]);
  await page.locator('#deploy').getByRole('button', { name: 'lenet5', exact: true }).click();
  await page.getByLabel('k (data)').fill('40');
  await page.locator('#deploy').getByText('Advanced', { exact: true }).click();
  expect(await violations(page, '#deploy'), 'an invalid form').toEqual([]);
  await page.context().close();
});

test('the sign-in and join pages have no violations, in light and dark', async ({ browser }) => {
  const page = await (await browser.newContext({ reducedMotion: 'reduce' })).newPage();
  await page.goto(`${product.url}/sign-in`);
  await page.getByLabel('Operator token').fill('wrong');
  await page.keyboard.press('Enter');
  await expect(page.getByText('This token is not known.')).toBeVisible();
  expect(await violations(page), 'sign in').toEqual([]);
  await page.goto(`${product.url}/join#token=${product.tokens.join}&name=axe`);
  await expect(page.getByTestId('join-device')).toHaveAttribute('data-state', 'Joined', {
    timeout: 30_000,
  });
  expect(await violations(page), 'join').toEqual([]);
  await page.getByRole('button', { name: 'Leave the fleet' }).click();
  await expect(page.getByText('This tab has left the fleet')).toBeVisible();
  expect(await violations(page), 'left').toEqual([]);
  await page.context().close();
});

/** Presses Tab until a button has the focus. */
async function tabTo(page: Page, name: RegExp | string): Promise<void> {
  const target = page.getByRole('button', { name }).first();
  for (let presses = 0; presses < 150; presses++) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach the button ${name}`);
}

test('a device is killed and revived, and a model is deployed, by keyboard only', async ({ browser }) => {
  const page = await open(browser);
  await tabTo(page, /^Kill local-2/);
  await expect(page.getByRole('button', { name: /^Kill local-2/ })).toHaveCSS('outline-style', 'solid');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('device-local-2')).toHaveAttribute('data-state', 'dead');
  await page.keyboard.press('Shift+Tab');
  await tabTo(page, /^Revive local-2/);
  await page.keyboard.press('Space');
  await expect(page.getByTestId('device-local-2')).toHaveAttribute('data-state', 'ready', {
    timeout: 20_000,
  });

  await tabTo(page, 'More faults for local-2');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('menuitem').first()).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'More faults for local-2' })).toBeFocused();

  await tabTo(page, 'Choose files');
  await tabTo(page, /^lenet5$/);
  await page.keyboard.press('Enter');
  await expect(page.getByLabel('Deployment name')).toBeVisible();
  // The form replaces the pressed button and takes the focus.
  await expect(page.getByLabel('Deployment name')).toBeFocused();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('by-keyboard');
  await page.keyboard.press('Tab');
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('2');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('deployment-by-keyboard')).toHaveAttribute('data-state', 'ready', {
    timeout: 30_000,
  });
  expect(await product.deployment('by-keyboard')).toMatchObject({ k: 2, r: 1 });
  await page.context().close();
});
