/** Damaged files of the blob store. A wrong weight must never give a wrong answer. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { EventView } from '@sparewheel/protocol';
import type { Product } from '../src/product.ts';
import { expectRightAnswer, sampleImages } from '../src/reference.ts';
import { sharedProduct } from '../src/shared.ts';

let product: Product;
sharedProduct(
  (started) => {
    product = started;
  },
  { args: ['--fleet', '3', '--no-demo'], withoutDemo: true },
);

test('damaged shards are encoded again before a rescue computes with them', async () => {
  expect((await product.api('/api/zoo/lenet5', { method: 'POST' })).status).toBe(201);
  await product.eventually('three devices', async () => {
    const devices = await product.devices();
    return devices.filter(({ state, supervised }) => state === 'ready' && supervised).length === 3;
  });
  const blobs = join(product.home, 'blobs');
  const before = new Set(readdirSync(blobs));
  const json = { name: 'two', model: 'lenet5', k: 2, r: 1, layers: 'all', objective: 'latency' };
  expect((await product.api('/api/deployments', { method: 'POST', json })).status).toBe(202);
  await product.deploymentState('two', 'ready');
  const shards = readdirSync(blobs).filter((name) => !before.has(name));
  expect(shards.length).toBeGreaterThan(5);
  for (const name of shards) {
    const data = readFileSync(join(blobs, name));
    data[data.length >> 1]! ^= 1;
    writeFileSync(join(blobs, name), data);
  }

  // Two of three devices: more than the parity replaces, so the data plane loads shards.
  const { progress } = await product.deployment('two');
  for (const { device } of progress.seats.slice(0, 2)) await product.fault(device!, { kind: 'kill' });
  await product.deploymentState('two', 'rescuing');
  for (const { pixels } of sampleImages().slice(0, 5)) {
    await expectRightAnswer(product, { pixels, deployment: 'two' });
  }
  const { body } = await product.api<readonly EventView[]>('/api/events?deployment=two&limit=100');
  const repaired = body.filter(({ kind }) => kind === 'blob-repaired');
  expect(repaired.length).toBeGreaterThan(0);
  expect(repaired[0]!.message).toContain('encoded again from the model');
});
