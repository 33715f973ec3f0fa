/** The duel on real processes: coded and uncoded under the same requests and the same kill, the kill card, and the stage. */

import { expect, type Page, test } from '@playwright/test';
import type { FaultReportView } from '@sparewheel/protocol';
import type { Product } from '../src/product.ts';
import { sharedDashboard } from '../src/shared.ts';

let product: Product;
let page: Page;
const errors = sharedDashboard(
  (...opened) => {
    [product, page] = opened;
  },
  { twin: true },
);

const reports = async () => (await product.api<readonly FaultReportView[]>('/api/faults')).body;

/** Returns the name of a device that holds a data shard of the coded deployment. */
async function victim(): Promise<string> {
  const devices = await product.devices();
  const holder = devices.find(
    ({ state, seats }) =>
      state === 'ready' && seats.some(({ deployment, role }) => deployment === 'lenet5' && role === 'data'),
  );
  if (holder === undefined) throw new Error('no device holds a data shard');
  return holder.name;
}

/** Waits until a new report is final. */
function finalReport(after: number): Promise<FaultReportView> {
  return product.eventually('a final report of the fault', async () => {
    const [report] = await reports();
    return report !== undefined && report.id > after && !report.measuring && report;
  });
}

async function answered(deployment: string): Promise<number> {
  return (await product.latency(deployment)).counts.answered;
}

async function bothAnswer(): Promise<void> {
  for (const name of ['lenet5', 'lenet5-uncoded']) {
    const before = await answered(name);
    await product.eventually(`${name} answers`, async () => (await answered(name)) > before + 20);
  }
}

test('two clicks lead from the start to coded against uncoded under a kill', async () => {
  await expect(page.getByTestId('lane-coded')).toBeVisible();
  await expect(page.getByTestId('lane-uncoded')).toBeVisible();
  await page.getByRole('button', { name: 'Run a load' }).click();
  await bothAnswer();
  await expect(page.getByTestId('duel-coded-p99')).toHaveText(/ m?s$/);

  const name = await victim();
  const stalled = page.waitForFunction(() =>
    document.querySelector('[data-testid="lane-uncoded"]')?.textContent?.includes('stalled:'),
  );
  await page.getByRole('button', { name: new RegExp(`^Kill ${name}`) }).click();
  await stalled;
  const lane = page.getByTestId('lane-coded');
  expect(await lane.getAttribute('data-tone')).not.toBe('danger');

  const report = await finalReport(0);
  expect(report).toMatchObject({ deviceName: name, fault: { kind: 'kill' } });
  const of = (deployment: string) => report.deployments.find((each) => each.deployment === deployment);
  const [coded, uncoded] = [of('lenet5'), of('lenet5-uncoded')];
  // The coded deployment answers every request in flight before the uncoded one answers again.
  expect(coded).toMatchObject({ seated: true, failed: 0, wrong: 0, waiting: 0 });
  expect(coded?.answered).toBe(coded?.inFlight);
  expect(uncoded?.seated).toBe(true);
  expect(uncoded?.answeringAgainMs).toBeGreaterThan(coded?.slowestMs ?? Number.POSITIVE_INFINITY);
  expect((await product.latency('lenet5')).counts).toMatchObject({ lost: 0, failed: 0 });
});

test('the kill card shows the numbers of the API, and the request behind them', async () => {
  const [report] = await reports();
  const [coded, uncoded] = ['lenet5', 'lenet5-uncoded'].map((name) =>
    report?.deployments.find(({ deployment }) => deployment === name),
  );
  const card = page.getByTestId('kill-card');
  await expect(card).toHaveAttribute('data-measuring', 'false');
  await expect(card).toHaveAttribute('data-fault', String(report?.id));
  await expect(card).toContainText(`${report?.deviceName} killed at`);
  for (const impact of [coded, uncoded]) {
    const { inFlight = 0, answered = 0 } = impact ?? {};
    await expect(card).toContainText(
      `${inFlight} request${inFlight === 1 ? '' : 's'} in flight: ${answered} answered`,
    );
  }
  await expect(card).toContainText('answering again after');

  await page.getByRole('button', { name: 'See a request' }).click();
  const dialog = page.getByRole('dialog', {
    name: `Request ${coded?.slowestRequest}, in flight at the fault`,
  });
  await expect(dialog.getByRole('list', { name: 'Lanes' })).toBeVisible();
  await page.keyboard.press('Escape');

  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save this card as PNG' }).click();
  expect((await download).suggestedFilename()).toMatch(/^fault-.*\.png$/);
});

test('a report of a fault that does not exist is a 404', async () => {
  expect((await product.api('/api/faults/999')).status).toBe(404);
});

test('the stage kills and revives by key, and Escape restores the state', async () => {
  await page.getByRole('button', { name: /^Revive / }).click();
  await product.deploymentState('lenet5', 'ready');
  await product.eventually('no device is dead', async () =>
    (await product.devices()).every(({ state }) => state === 'ready'),
  );
  const [last] = await reports();
  await page.keyboard.press('f');
  await expect(page).toHaveURL(/\/stage\?deployment=lenet5$/);
  await expect(page.getByTestId('lane-uncoded')).toBeVisible();
  const overflow = await page.evaluate(
    () => document.documentElement.scrollHeight - document.documentElement.clientHeight,
  );
  expect(overflow).toBe(0);

  const name = await victim();
  const button = page.getByTestId(`stage-${name}`);
  const key = (await button.locator('kbd').textContent()) ?? '';
  await page.keyboard.press(key);
  await expect(button).toHaveAttribute('data-state', 'dead');
  const report = await finalReport(last?.id ?? 0);
  expect(report.deviceName).toBe(name);
  await expect(page.getByTestId('kill-card')).toContainText(`${name} killed at`);
  // The tile shows the longest pause. A failed request would replace it.
  await expect(page.getByTestId('stage-number-coded')).toHaveText(/ m?s$/);

  await page.keyboard.press(key);
  await expect(button).toHaveAttribute('data-state', 'ready', { timeout: 20_000 });

  await page.keyboard.press(key);
  await expect(button).toHaveAttribute('data-state', 'dead');
  await page.keyboard.press('Escape');
  await expect(page).toHaveURL(/\/\?deployment=lenet5$/);
  await expect(page.getByTestId(`device-${name}`)).toHaveAttribute('data-state', 'ready', {
    timeout: 20_000,
  });
  // The load was started before the stage, so it continues.
  expect((await product.deployment('lenet5')).load?.running).toBe(true);
});

test('the switch turns the twin off and on', async () => {
  const twin = page.getByRole('switch', { name: 'Uncoded twin' });
  await twin.click();
  // It first answers the requests that it has accepted.
  await expect(page.getByTestId('lane-uncoded')).toHaveCount(0, { timeout: 30_000 });
  await expect(twin).not.toBeChecked();
  expect((await product.api('/api/deployments/lenet5-uncoded')).status).toBe(404);
  await twin.click();
  await product.deploymentState('lenet5-uncoded', 'ready');
  await expect(page.getByTestId('lane-uncoded')).toBeVisible();
  await bothAnswer();
  // It says on the screen that its detection is emulated.
  const detection = page.getByLabel('Detects a failure');
  await detection.selectOption('paper');
  await expect(page.getByTestId('lane-uncoded')).toContainText('20 s detection (emulated)');
  const { policy } = await product.deployment('lenet5-uncoded');
  expect(policy.detectMs).toBe(20_000);
  expect(policy.deadlineMs).toBeGreaterThan(20_000);
  await detection.selectOption('now');
  await expect(page.getByTestId('lane-uncoded')).not.toContainText('detection');
  await product.api('/api/deployments/lenet5/load', { method: 'DELETE' });
  expect(errors).toEqual([]);
});
