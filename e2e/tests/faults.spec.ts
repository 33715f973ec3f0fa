/** Faults from the dashboard: each one is visible at once and can be undone. The tour undoes its own faults. */
import { expect, type Page, test } from '@playwright/test';
import type { Product } from '../src/product.ts';
import { readCounter, sharedDashboard } from '../src/shared.ts';

let product: Product;
let page: Page;
const errors = sharedDashboard((...opened) => {
  [product, page] = opened;
});

const row = (name: string) => page.getByTestId(`device-${name}`);
const standing = () => page.getByRole('list', { name: 'Active faults' });

/**
 * Injects a fault and waits until the device's row shows its effect: a state or a word. Reports the time but sets
 * no limit, because a busy test machine may be slow.
 */
async function shows(
  fault: string,
  inject: () => Promise<void>,
  device: string,
  effect: { readonly state: string } | { readonly word: string },
): Promise<void> {
  await inject();
  const injectedAt = performance.now();
  // Checks every frame; expect() polls at growing intervals.
  await page.waitForFunction(
    ([id, state, word]) => {
      const shown = document.querySelector<HTMLElement>(`[data-testid="device-${id}"]`);
      return word === '' ? shown?.dataset.state === state : shown?.textContent?.includes(word ?? '');
    },
    [device, 'state' in effect ? effect.state : '', 'word' in effect ? effect.word : ''],
    { polling: 'raf' },
  );
  const ms = Math.round(performance.now() - injectedAt);
  test.info().annotations.push({ type: 'effect', description: `${fault}: visible after ${ms} ms` });
  console.log(`      ${fault}: visible after ${ms} ms`);
}

const fromMenu = async (name: string, fault: RegExp) => {
  await page.getByRole('button', { name: `More faults for ${name}` }).click();
  await page.getByRole('menuitem', { name: fault }).click();
};

test('a kill is visible, and undo revives the device', async () => {
  await shows('kill', () => page.getByRole('button', { name: /^Kill local-3/ }).click(), 'local-3', {
    state: 'dead',
  });
  await expect(standing()).toContainText('local-3 dead');
  await page.getByRole('button', { name: 'Undo the faults of local-3' }).click();
  await expect(row('local-3')).toHaveAttribute('data-state', 'ready', { timeout: 20_000 });
  await expect(page.getByText('No active faults')).toBeVisible();
});

test('a pause is visible, and undo resumes the device', async () => {
  await shows('pause', () => fromMenu('local-3', /^Pause/), 'local-3', { state: 'paused' });
  await page.getByRole('button', { name: 'Undo the faults of local-3' }).click();
  await expect(row('local-3')).toHaveAttribute('data-state', 'ready', { timeout: 20_000 });
});

for (const [fault, words] of [
  [/^Delay/, 'delay'],
  [/^Slow/, 'slow'],
  [/^Drop/, 'drop'],
  [/^Corrupt/, 'corrupt'],
  [/^Partition/, 'partition'],
] as const) {
  test(`${words} is visible, and undo ends it`, async () => {
    await shows(words, () => fromMenu('local-4', fault), 'local-4', { word: words });
    await expect(standing()).toContainText(words);
    await page.getByRole('button', { name: 'Undo the faults of local-4' }).click();
    await expect(row('local-4')).not.toContainText(words, { timeout: 20_000 });
    await expect(row('local-4')).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
    await expect(page.getByText('No active faults')).toBeVisible();
  });
}

const caption = (words: string) => page.getByText(words);
/**
 * Advances the tour until a caption is visible. Only the page's clock is advanced, in steps shorter than any scene,
 * so no scene is skipped.
 */
async function scene(words: string): Promise<void> {
  while (!(await caption(words).isVisible())) await page.clock.fastForward('00:02');
}
const dead = () => page.locator('[data-testid^="device-local-"][data-state="dead"]');
const counter = (name: string) => readCounter(page, name);

test('Escape ends the tour and undoes its faults and its load', async () => {
  await product.deploymentState('lenet5', 'ready');
  await page.clock.install();
  await page.getByRole('button', { name: 'Play the tour' }).focus();
  await page.keyboard.press('Enter');
  await expect(caption('each hold a part of every layer.')).toBeVisible();
  await scene('Eight requests are always in flight now.');
  await scene('is killed: its process ends at once.');
  await expect(dead()).toHaveCount(1);
  await page.keyboard.press('Escape');
  await expect(caption('is killed: its process ends at once.')).toHaveCount(0);
  await expect(dead()).toHaveCount(0, { timeout: 20_000 });
  await expect(page.getByRole('button', { name: 'Start load' })).toBeVisible();
  await product.deploymentState('lenet5', 'ready');
});

test('the tour ends with the device revived, the load stopped and no request lost', async () => {
  await page.getByRole('button', { name: 'Play the tour' }).click();
  await expect(caption('each hold a part of every layer.')).toBeVisible();
  await scene('Eight requests are always in flight now.');
  await expect(page.getByRole('button', { name: 'Stop load' })).toBeVisible();
  await scene('is killed: its process ends at once.');
  await expect(dead()).toHaveCount(1);
  await scene('No request is lost, and more are recovered.');
  await expect.poll(() => counter('survived')).toBeGreaterThan(0);
  expect(await counter('lost')).toBe(0);
  await scene('It still has its shard, so nothing is sent.');
  await scene('The tour is over.');
  while (await caption('The tour is over.').isVisible()) await page.clock.fastForward('00:02');
  await expect(page.locator('[data-testid^="device-local-"][data-state="ready"]')).toHaveCount(6, {
    timeout: 20_000,
  });
  await expect(page.getByRole('button', { name: 'Start load' })).toBeVisible();
  await product.deploymentState('lenet5', 'ready');
  expect((await product.devices()).every(({ state }) => state === 'ready')).toBe(true);
  const { load } = await product.deployment('lenet5');
  expect(load).toMatchObject({ running: false, failed: 0, lost: 0 });
  expect(load?.answered).toBeGreaterThan(0);
  expect(errors).toEqual([]);
});
