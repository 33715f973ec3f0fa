/** Network presets: one click changes the emulated network of the devices, and another one restores what was before. */
import { expect, type Page, test } from '@playwright/test';
import type { DeploymentView, DeviceView } from '@sparewheel/protocol';
import type { Product } from '../src/product.ts';
import { sharedDashboard } from '../src/shared.ts';

let product: Product;
let page: Page;
const errors = sharedDashboard((...opened) => {
  [product, page] = opened;
});

const preset = (name: string) => page.getByTestId(`preset-${name}`);
const network = async () => (await product.deployment('lenet5')).network ?? null;

function words(fault: DeviceView['faults'][number]): string {
  if (fault.kind !== 'delay') return fault.kind;
  return fault.quantiles === undefined ? `delay ${fault.ms}` : 'delay drawn';
}

/** Faults by device name, of the devices that have any. */
async function faults(): Promise<Record<string, readonly string[]>> {
  const devices = await product.devices();
  return Object.fromEntries(
    devices.filter(({ faults }) => faults.length > 0).map((each) => [each.name, each.faults.map(words)]),
  );
}

/** Chooses a preset and waits until every device of the deployment emulates it. */
async function choose(name: string): Promise<void> {
  await preset(name).click();
  await expect(preset(name)).toHaveAttribute('aria-pressed', 'true');
  await product.eventually(`the preset ${name}`, async () => {
    const now = await network();
    if (name === 'off') return now === null;
    return (
      now?.preset === name && now.devices.length > 0 && now.devices.every(({ state }) => state === 'applied')
    );
  });
}

const seats = ({ progress }: DeploymentView) => progress.seats.flatMap(({ deviceName }) => deviceName ?? []);

/** The names of the devices that have a seat of the deployment or of its twin. */
const seatedAnywhere = async () =>
  [...new Set((await product.api<readonly DeploymentView[]>('/api/deployments')).body.flatMap(seats))].sort();

/** The median of requests in the current period, once it has enough of them. */
const p50 = () =>
  product.eventually('50 requests in this period', async () => {
    const [period] = (await product.latency('lenet5')).periods;
    return period !== undefined && period.percentiles.count >= 50 && period.percentiles.p50;
  });

test('the paper’s WiFi delays every answer, and is labeled as emulated where its effect shows', async () => {
  await product.api('/api/deployments/lenet5/load', {
    method: 'POST',
    json: { mode: 'closed', concurrency: 2 },
  });
  const before = await p50();
  await choose('paper-wifi');
  expect(Object.keys(await faults()).sort()).toEqual(await seatedAnywhere());
  for (const texts of Object.values(await faults())) expect(texts).toEqual(['delay drawn']);
  const [period] = (await product.latency('lenet5')).periods;
  expect(period?.name).toBe('healthy, paper’s WiFi (emulated)');
  // An emulated delay is a lower bound on any machine. The paper's median is 66 ms, and a request has several
  // steps in a row, of which each waits for the fourth of five answers.
  expect(await p50()).toBeGreaterThan(before + 2 * 66);
  for (const region of ['Coded against uncoded', 'Latency', 'Arrivals']) {
    await expect(page.getByRole('region', { name: region }).getByTestId('emulated').first()).toHaveText(
      'Paper’s WiFi, emulated',
    );
  }
  await choose('off');
  await expect(page.getByTestId('emulated')).toHaveCount(0);
  expect(await faults()).toEqual({});
});

test('off restores the faults that were before, and keeps those that are newer', async () => {
  const named = seats(await product.deployment('lenet5'));
  expect(named.length).toBeGreaterThan(1);
  const [older, newer] = named as [string, string];
  const devices = await product.devices();
  const inject = async (name: string, fault: Parameters<Product['fault']>[1]) => {
    const device = devices.find((each) => each.name === name);
    if (device === undefined) throw new Error(`${name} has left`);
    await product.fault(device.id, fault);
  };
  await inject(older, { kind: 'delay', ms: 4 });
  await inject(older, { kind: 'drop', probability: 0 });
  await choose('ethernet');
  await product.eventually('no delay', async () => (await faults())[older]?.join() === 'drop');
  await inject(newer, { kind: 'delay', ms: 6 });
  await expect(page.getByTestId('preset-status')).toContainText(`${newer}: its faults were changed by hand`);
  await choose('off');
  await product.eventually('the faults of before', async () => {
    const now = await faults();
    return [...(now[older] ?? [])].sort().join() === 'delay 4,drop';
  });
  expect((await faults())[newer]).toEqual(['delay 6']);
  for (const name of [older, newer]) await inject(name, { kind: 'heal' });
  await product.eventually('no faults', async () => Object.keys(await faults()).length === 0);
});

test('a device that returns is told, and one that is dead is reported', async () => {
  await choose('pi3');
  await expect(page.getByTestId('preset-status')).toContainText('not measured');
  const name = seats(await product.deployment('lenet5'))[0]!;
  const device = async () => {
    const found = (await product.devices()).find((each) => each.name === name);
    if (found === undefined) throw new Error(`${name} has left`);
    return found;
  };
  const { id, faults: slowed } = await device();
  await product.fault(id, { kind: 'kill' });
  // Its seat goes to the standby, which is told.
  await product.eventually('the standby is told', async () => {
    const deployment = await product.deployment('lenet5');
    const now = await network();
    const told = new Set(now?.devices.filter(({ state }) => state === 'applied').map((each) => each.name));
    return !seats(deployment).includes(name) && seats(deployment).every((each) => told.has(each));
  });
  await product.api(`/api/devices/${id}/revive`, { method: 'POST' });
  await product.deploymentState('lenet5', 'ready');
  // It comes back without a seat of the coded deployment: it is told only if the twin gives it one.
  await product.eventually('the returned device', async () => {
    const needed = (await seatedAnywhere()).includes(name);
    const now = await device();
    return now.state === 'ready' && JSON.stringify(now.faults) === JSON.stringify(needed ? slowed : []);
  });
  await choose('straggler');
  expect(Object.values(await faults()).filter((texts) => texts.includes('delay 100'))).toHaveLength(1);
  await choose('off');
  await product.eventually('no faults', async () => Object.keys(await faults()).length === 0);
  await product.api('/api/deployments/lenet5/load', { method: 'DELETE' });
  expect(errors).toEqual([]);
});
