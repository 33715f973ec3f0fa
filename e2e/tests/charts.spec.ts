/** The charts of the first page, with a straggler and a dead device, and their exports. */
import { readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import type { Product } from '../src/product.ts';
import { expectRightAnswer } from '../src/reference.ts';
import { sharedDashboard, untilLive } from '../src/shared.ts';

let product: Product;
let page: Page;
const errors = sharedDashboard((...opened) => {
  [product, page] = opened;
});

/** Delay of the straggler, far above the tail latency of a busy test machine. */
const DELAY_MS = 150;
const WARM_UP_REQUESTS = 12;

const holderOf = (seat: number) => product.holderOf('lenet5', seat);

/**
 * Sends one request and waits until all its answers arrived or were given up. Without the wait, a busy device
 * would not be asked for the next request, and the comparison would skip that request.
 * @returns compared requests since the last fault
 */
async function inferAndCompare(): Promise<number> {
  const settled = async () => {
    const { requests, calledOff } = (await product.latency('lenet5')).comparison;
    return requests + calledOff;
  };
  const before = await settled();
  await expectRightAnswer(product);
  await product.eventually(
    'every answer to one request was compared',
    async () => (await settled()) > before,
  );
  return (await product.latency('lenet5')).comparison.requests;
}

/** Returns the requests that an uncoded system never answers, in the newest periods. A takeover begins a period. */
async function unanswered(): Promise<number> {
  const { periods } = await product.latency('lenet5');
  return periods.reduce((sum, { comparison }) => sum + comparison.unanswered, 0);
}

/** Presses a button and returns the file that it downloads. */
async function saved(button: string): Promise<Buffer> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).click();
  return readFileSync(await (await download).path());
}

const percent = async (testId: string) =>
  Number.parseFloat((await page.getByTestId(testId).textContent()) ?? 'NaN');

test('a straggler delays an uncoded system but hardly a coded one, in the same chart', async () => {
  // Warm-up requests are not compared.
  for (let request = 0; request < WARM_UP_REQUESTS; request++) await expectRightAnswer(product);
  const straggler = await holderOf(1);
  await product.fault(straggler.id, { kind: 'delay', ms: DELAY_MS });
  // By keyboard only.
  await page.getByRole('radio', { name: 'By period' }).focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('radio', { name: 'Coded / uncoded' })).toBeFocused();
  await page.keyboard.press('Space');
  await expect.poll(inferAndCompare, { timeout: 60_000, intervals: [0] }).toBeGreaterThan(20);
  await expect(page.getByTestId('latency-coded-p50')).toBeVisible({ timeout: 30_000 });
  await expect.poll(() => percent('latency-gain-p50'), { timeout: 30_000 }).toBeGreaterThan(30);
  await expect(page.getByTestId('rule-note')).toContainText('requests by two rules');
  await page.getByRole('radio', { name: 'Log' }).click();
  await page
    .getByTestId('latency-chart')
    .screenshot({ path: test.info().outputPath('coded-uncoded-log.png') });

  const csv = (await saved('Save the chart as CSV')).toString().split('\n');
  expect(csv[0]).toBe('from_ms,to_ms,uncoded_percent,coded_percent');
  expect(csv.length).toBeGreaterThan(50);
  expect((await saved('Save the chart as PNG')).subarray(1, 4).toString()).toBe('PNG');
});

test('the arrivals show the straggler first, on the live page and on its device page', async () => {
  await product.api('/api/deployments/lenet5/load', {
    method: 'POST',
    json: { mode: 'open', ratePerSecond: 10 },
  });
  const straggler = await holderOf(1);
  const arrivals = page.getByRole('region', { name: 'Arrivals', exact: true });
  await expect(arrivals.getByRole('img')).toHaveCount(5, { timeout: 30_000 });
  await expect.poll(() => percent(`not-in-${straggler.name}`), { timeout: 30_000 }).toBeGreaterThan(90);
  await expect(arrivals.getByRole('rowheader').first()).toHaveText(straggler.name);
  await arrivals.screenshot({ path: test.info().outputPath('arrivals.png') });
  const lines = (await saved('Save the arrivals as CSV')).toString().trim().split('\n');
  expect(lines).toHaveLength(6);
  expect((await saved('Save the arrivals as PNG')).subarray(1, 4).toString()).toBe('PNG');

  await page.goto(`${product.url}/devices/${straggler.id}`);
  await expect(page.getByTestId('device-arrivals').getByRole('img')).toHaveAccessibleName(
    new RegExp(`^${straggler.name}, data: .* answers`),
    { timeout: 30_000 },
  );
  await page.goto(product.url);
  await untilLive(page);
});

test('the waiting rule changes live, with the predicted and the measured gain', async () => {
  const rule = (name: string) => page.getByRole('radio', { name, exact: true });
  const isSet = (waitMs: unknown) =>
    expect
      .poll(async () => (await product.deployment('lenet5')).policy.waitMs, { timeout: 10_000 })
      .toBe(waitMs);

  await rule('All').click();
  await isSet('all');
  // The gain appears after enough requests have waited for the straggler.
  await expect(page.getByTestId('gain-any-k')).toHaveText(/[1-9]\d %/, { timeout: 60_000 });

  await rule('Threshold').click();
  const slider = page.getByRole('slider', { name: 'Waiting threshold' });
  await slider.focus();
  await page.keyboard.press('Home');
  await isSet(0);
  await page.keyboard.press('PageUp');
  await expect.poll(async () => Number(await slider.inputValue())).toBeGreaterThan(0);
  await expect(page.getByTestId('gain-chosen')).toBeVisible({ timeout: 30_000 });
  await expect(page.getByTestId('gain-measured')).toBeVisible({ timeout: 30_000 });

  await rule('Adaptive').click();
  await isSet('adaptive');
  await expect(page.getByTestId('adaptive-prediction')).toContainText('Learned: waits up to', {
    timeout: 60_000,
  });
  await rule('Any k').click();
  await isSet('any-k');
});

test('the waterfall of one request is saved as PNG and CSV', async () => {
  await page.getByRole('button', { name: 'Hold this request' }).click();
  const lines = (await saved('Save the waterfall as CSV')).toString().trim().split('\n');
  expect(lines[0]).toBe('request,lane,shard,role,from_ms,to_ms,late_answer_ms,kind,what_happened');
  expect(lines.some((line) => line.includes(',parity,'))).toBe(true);
  expect((await saved('Save the waterfall as PNG')).subarray(1, 4).toString()).toBe('PNG');
});

test('after a kill the comparison shows that an uncoded system never answers', async () => {
  await product.fault((await holderOf(1)).id, { kind: 'heal' });
  await product.fault((await holderOf(2)).id, { kind: 'kill' });
  await expect.poll(unanswered, { timeout: 30_000 }).toBeGreaterThan(0);
  await page.getByRole('radio', { name: 'Coded / uncoded' }).click();
  await expect(page.getByTestId('latency-uncoded-max')).toHaveText('never', { timeout: 30_000 });
  await expect(page.getByTestId('latency-coded-max')).toHaveText(/ms|s$/);
  await expect(page.getByTestId('rule-note')).toContainText(
    'An uncoded system that only waits never answers',
  );
  await page.getByRole('radio', { name: 'Over time' }).click();
  await expect(page.getByRole('img', { name: /Latency of the last two minutes/ })).toBeVisible();
  const [head] = (await saved('Save the chart as CSV')).toString().split('\n');
  expect(head).toBe('seconds_ago,from_ms,to_ms,share_percent,change');
  await expect(page.getByTestId('counter-lost')).toHaveText('0');
});

test('the page fits a phone, with every percentile', async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.getByRole('radio', { name: 'Coded / uncoded' }).click();
  await expect(page.getByTestId('latency-coded-p999')).toBeAttached();
  const overhang = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overhang).toBe(0);
  expect(errors).toEqual([]);
});
