/** A fleet permanently loses more devices than it has standbys, then gets them back. The plan follows, under load. */
import { expect, test } from '@playwright/test';
import type { Product } from '../src/product.ts';
import { expectRightAnswer } from '../src/reference.ts';
import { sharedProduct } from '../src/shared.ts';

/** The product waits half a minute for lost devices before it plans for fewer. */
const CHANGED_WITHIN_MS = 75_000;

/** The name of the deployment. */
const NAME = 'elastic';

let product: Product;
// Five devices for five seats, so no standby.
sharedProduct(
  (started) => {
    product = started;
  },
  { args: ['--fleet', '5'] },
);

async function planFor(k: number): Promise<void> {
  await product.eventually(
    `the plan for ${k} + 1 devices is ready`,
    async () => {
      const { plan, state } = await product.deployment(NAME);
      return (plan as { k?: number } | null)?.k === k && state === 'ready';
    },
    CHANGED_WITHIN_MS,
  );
}

test('the plan shrinks from five devices to three and grows back, with no failed or lost request', async () => {
  test.setTimeout(180_000);
  // The demo is for "devices-only", under which requests wait while two devices are dead. This deployment is rescued.
  const request = { name: NAME, model: 'lenet5', k: 4, r: 1, layers: 'all', objective: 'latency' };
  expect((await product.api('/api/deployments', { method: 'POST', json: request })).status).toBe(202);
  await planFor(4);
  await product.api('/api/deployments/elastic/load', {
    method: 'POST',
    json: { mode: 'open', ratePerSecond: 10 },
  });

  const [first, second] = await product.devices();
  for (const { id } of [first!, second!]) {
    await product.fault(id, { kind: 'kill' });
  }
  await expectRightAnswer(product, { deployment: NAME });
  await planFor(2);
  await expectRightAnswer(product, { deployment: NAME });

  for (const { id } of [first!, second!]) await product.api(`/api/devices/${id}/revive`, { method: 'POST' });
  await planFor(4);
  await expectRightAnswer(product, { deployment: NAME });

  const stopped = await product.api('/api/deployments/elastic/load', { method: 'DELETE' });
  expect(stopped.body).toMatchObject({ failed: 0, lost: 0 });
  const { counts } = await product.latency(NAME);
  expect(counts).toMatchObject({ failed: 0, lost: 0, corrupt: 0 });
  const { body } = await product.api<{ kind: string; message: string }[]>('/api/events?deployment=elastic');
  const changes = body.filter(({ kind }) => kind === 'deployment-resized');
  expect(changes.map(({ message }) => message)).toEqual([
    expect.stringContaining('from 2 + 1 to 4 + 1 devices'),
    expect.stringContaining('from 4 + 1 to 2 + 1 devices'),
  ]);
});
