/** The counters, charts and predictions of the first page say what happened. Each test is one false statement of old. */
import { expect, type Page, test } from '@playwright/test';
import type { LatencyView } from '@sparewheel/protocol';
import type { Product } from '../src/product.ts';
import { sharedDashboard } from '../src/shared.ts';

let product: Product;
let page: Page;
const errors = sharedDashboard((...opened) => {
  [product, page] = opened;
});

/** Far above the tail latency of a busy test machine, and more than 20 times a healthy one. */
const DELAY_MS = 400;

const counter = async (name: string) =>
  Number(((await page.getByTestId(`counter-${name}`).textContent()) ?? '').replaceAll(',', ''));
const latency = (): Promise<LatencyView> => product.latency('lenet5');

const holderOf = (seat: number) => product.holderOf('lenet5', seat);

const startLoad = (load: Record<string, unknown>) =>
  product.api('/api/deployments/lenet5/load', { method: 'POST', json: load });
const stopLoad = () => product.api('/api/deployments/lenet5/load', { method: 'DELETE' });

/** Waits until the current period has this many counted requests. */
const periodWith = (count: number) =>
  product.eventually(`${count} requests in one period`, async () => {
    const [period] = (await latency()).periods;
    return period !== undefined && period.percentiles.count >= count && period;
  });

test('warm-up requests are not counted, and the chart says so', async () => {
  await startLoad({ mode: 'closed', concurrency: 2 });
  await periodWith(100);
  const { counts, periods } = await latency();
  const [first] = periods;
  expect(first).toMatchObject({ name: 'healthy', warmUp: 12 });
  expect(first!.percentiles.count).toBeLessThanOrEqual(counts.answered);
  await expect(page.getByTestId('period-note')).toHaveText('12 warm-up requests not counted');
  await expect(page.getByTestId('latency-since')).toHaveText(/^healthy, since \d\d:\d\d:\d\d$/);
});

test('the predicted latency of the plan stands beside the measured one', async () => {
  const row = page.getByLabel('Predicted and measured latency');
  await expect(row.getByTestId('predicted-p50')).toHaveText(/^\d+(\.\d+)? ms$/);
  await expect(row.getByTestId('measured-p50')).toHaveText(/^\d+(\.\d+)? ms$/);
});

test('in a healthy fleet, recovered requests outran a slow device; none survived a failure', async () => {
  await product.eventually('a recovered request', async () => (await latency()).counts.outran > 0);
  const { counts } = await latency();
  expect(counts.survived).toBe(0);
  expect(counts.recovered).toBeGreaterThan(0);
  await expect.poll(() => counter('outran')).toBeGreaterThan(0);
  await expect(page.getByTestId('counter-survived')).toHaveText('0');
  const metrics = await fetch(`${product.url}/api/metrics`, {
    headers: { authorization: `Bearer ${product.tokens.operator}` },
  });
  expect(await metrics.text()).toContain('sparewheel_requests_survived_total{deployment="lenet5"} 0');
});

test('a policy change begins a period', async () => {
  const { periods } = await latency();
  const policy = { waitMs: 'all' };
  await product.api('/api/deployments/lenet5', { method: 'PATCH', json: { policy } });
  await periodWith(50);
  const changed = await latency();
  expect(changed.periods[0]!.id).toBeGreaterThan(periods[0]!.id);
  expect(changed.periods[0]).toMatchObject({ name: 'healthy', cause: 'policy', warmUp: 0 });
  await expect(page.getByTestId('latency-before')).toHaveText(/^healthy, \d\d:\d\d:\d\d to \d\d:\d\d:\d\d$/);
  await expect(page.getByTestId('latency-since')).toHaveText(/^healthy, since \d\d:\d\d:\d\d$/);
  await product.api('/api/deployments/lenet5', { method: 'PATCH', json: { policy: { waitMs: 'any-k' } } });
});

test('slow requests are on the axis, which is logarithmic for a wide spread', async () => {
  const straggler = await holderOf(1);
  await product.api('/api/deployments/lenet5', { method: 'PATCH', json: { policy: { waitMs: 'all' } } });
  await product.fault(straggler.id, { kind: 'delay', ms: DELAY_MS });
  const slow = await product.eventually('slow requests', async () => {
    const view = await latency();
    return view.periods[0]!.percentiles.p50 > DELAY_MS && view;
  });
  const end = slow.histogram.at(-1)!.from;
  for (const { percentiles } of slow.periods) expect(end).toBeGreaterThan(percentiles.p95);
  const chart = page.getByRole('img', { name: /^Latency histogram/ });
  await expect(chart).toContainText('latency (ms, log scale)', { timeout: 20_000 });
  const labels = await page
    .locator('.recharts-xAxis-tick-labels .recharts-cartesian-axis-tick-value')
    .evaluateAll((texts) =>
      texts.map((text) => text.getBoundingClientRect()).map(({ left, right }) => ({ left, right })),
    );
  expect(labels.length).toBeGreaterThan(2);
  for (const [index, { left }] of labels.entries()) {
    if (index > 0) expect(left).toBeGreaterThan(labels[index - 1]!.right);
  }
  await product.api('/api/deployments/lenet5', { method: 'PATCH', json: { policy: { waitMs: 'any-k' } } });
});

test('under load with a straggler, the comparison covers sampled requests, and slow answers are in it', async () => {
  await stopLoad();
  await startLoad({ mode: 'closed', concurrency: 8 });
  const compared = await product.eventually('a sample', async () => {
    const { comparison } = await latency();
    return comparison.sampleOf !== null && comparison.requests >= 5 && comparison;
  });
  expect(compared.uncoded.percentiles.p50).toBeGreaterThan(DELAY_MS);
  await page.getByRole('radio', { name: 'Coded / uncoded' }).click();
  await expect(page.getByTestId('rule-note')).toContainText('A sample of', { timeout: 20_000 });
});

test('no gain is predicted while shards are not sent or not answered', async () => {
  const straggler = await holderOf(1);
  await product.fault(straggler.id, { kind: 'heal' });
  await stopLoad();
  // Few enough requests that no device of a busy test machine reaches its cap. A healthy fleet allows a prediction.
  await startLoad({ mode: 'open', ratePerSecond: 5 });
  await expect(page.getByTestId('gain-any-k')).toBeVisible({ timeout: 60_000 });
  // Without a standby, the seat stays empty after the kill.
  const { progress } = await product.deployment('lenet5');
  const seated = new Set(progress.seats.map(({ device }) => device));
  const standby = (await product.devices()).find(({ id }) => !seated.has(id));
  await product.fault(standby!.id, { kind: 'kill' });
  await product.fault((await holderOf(2)).id, { kind: 'kill' });
  await expect(page.getByTestId('no-prediction')).toContainText('lack an answer', { timeout: 60_000 });
  await expect(page.getByTestId('gain-any-k')).toHaveCount(0);
});

test('requests that an uncoded system never answers are a bar of its histogram', async () => {
  const killed = await product.eventually('a period with a killed device', async () => {
    const { periods } = await latency();
    return periods.find(({ name, comparison }) => / killed$/.test(name) && comparison.unanswered > 20);
  });
  await page.getByRole('radio', { name: 'Coded / uncoded' }).click();
  const bar = page.getByTestId('slot-never');
  await expect(bar).toContainText('never', { timeout: 20_000 });
  await expect(bar).toContainText(/\d %/);
  await expect(page.getByTestId('rule-note')).toContainText(
    'An uncoded system that only waits never answers',
  );
  await page.getByRole('radio', { name: 'By period' }).click();
  await expect(page.getByTestId('latency-since')).toContainText(killed.name);
  await expect(page.getByTestId('latency-failed-1')).toHaveText('1 device failed');
  expect((await latency()).counts.survived).toBeGreaterThan(0);
  await expect.poll(() => counter('survived')).toBeGreaterThan(0);
});

test('the chart over time marks changes', async () => {
  await page.getByRole('radio', { name: 'Over time' }).click();
  await expect(page.getByTestId('heatmap-change').filter({ hasText: 'is killed' }).first()).toBeVisible();
});

test('rows of the waterfall name device and shard, and all arrivals share one axis', async () => {
  const lanes = page.getByRole('list', { name: 'Lanes' }).getByRole('listitem');
  await expect(lanes.nth(1)).toContainText(/local-\d+data 0/);
  const axis = page.locator('[data-axis="arrivals"]');
  await expect.poll(() => axis.count()).toBeGreaterThan(1);
  expect(new Set(await axis.allTextContents()).size).toBe(await axis.count());
});

test('a wrong answer is counted in red, with its request, its device and its consequence', async () => {
  for (const device of await product.devices()) {
    if (device.state === 'dead') await product.api(`/api/devices/${device.id}/revive`, { method: 'POST' });
  }
  await product.deploymentState('lenet5', 'ready');
  await expect(page.getByTestId('counter-wrong')).toHaveText('0');
  const headline = page.getByTestId('counter-lost');
  await expect(headline).toHaveClass(/text-ok-ink/);
  await stopLoad();
  await startLoad({ mode: 'open', ratePerSecond: 30 });
  // Under "after", the answer goes out at once and is checked later.
  const corruptDevice = await holderOf(0);
  await product.fault(corruptDevice.id, { kind: 'corrupt', amount: 5 });
  await product.eventually('a wrong answer', async () => {
    const { counts, wrongAnswers } = await latency();
    return counts.corrupt > 0 && wrongAnswers.some(({ given }) => given);
  });
  await expect.poll(() => counter('wrong')).toBeGreaterThan(0);
  await expect(page.getByTestId('counter-wrong')).toHaveClass(/text-danger-ink/);
  await expect(headline).toHaveText('0');
  await expect(headline).not.toHaveClass(/text-ok-ink/);
  const details = page.getByTestId('wrong-answers');
  // The demo is devices-only with one parity device: a contradiction is noticed, but names no device.
  await expect(details).toContainText('the caller got a wrong answer. Its device was not identified.');
  expect(errors).toEqual([]);
});

for (const [width, height] of [
  [1280, 720],
  [390, 844],
] as const) {
  test(`the page fits ${width} × ${height}`, async () => {
    await page.setViewportSize({ width, height });
    for (const view of ['By period', 'Coded / uncoded', 'Over time']) {
      await page.getByRole('radio', { name: view }).click();
      const overhang = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(overhang).toBe(0);
    }
  });
}
