/** An uncoded twin under `rescue: "devices"`, beside its coded original, on real processes. */
import { expect, test } from '@playwright/test';
import type { EventView, LatencyView, LoadView } from '@sparewheel/protocol';
import { Product } from '../src/product.ts';
import { expectRightAnswer, sampleImages } from '../src/reference.ts';

const DETECT_MS = 1_500;

/** Each test continues with the twin, the killed device and the load of the one before. */
test.describe.configure({ mode: 'serial' });

let product: Product;
test.beforeAll(async () => {
  product = await Product.start({ args: ['--fleet', '5'] });
});
test.afterAll(async () => {
  await product?.stop();
  product?.removeHome();
});

/** The events of the twin's outages, oldest first. */
async function outageEvents(): Promise<readonly EventView[]> {
  const { body } = await product.api<readonly EventView[]>('/api/events?deployment=lenet5-uncoded&limit=500');
  const kinds = /^(outage|failure|redistribution|slowdown)-/;
  return body.filter(({ kind }) => kinds.test(kind)).reverse();
}

test('a model without distributed layers gets one clear sentence instead of a twin', async () => {
  const json = { name: 'whole', model: 'lenet5', strategy: 'replicated', k: 1 };
  expect((await product.api('/api/deployments', { method: 'POST', json })).status).toBe(202);
  const answer = await product.api<{ error: { code: string; message: string } }>(
    '/api/deployments/whole/twin',
    {
      method: 'POST',
    },
  );
  expect(answer.status).toBe(409);
  expect(answer.body.error.code).toBe('no-twin');
  expect(answer.body.error.message).toContain('cannot have an uncoded twin');
  expect((await product.api('/api/deployments/whole', { method: 'DELETE' })).status).toBe(204);
});

test('a twin gets the requests of its original, on the same devices', async () => {
  const json = { detectMs: DETECT_MS };
  const created = await product.api('/api/deployments/lenet5/twin', { method: 'POST', json });
  expect(created.status).toBe(202);
  const twin = await product.deploymentState('lenet5-uncoded', 'ready');
  const coded = await product.deployment('lenet5');
  const devices = (view: typeof coded) => view.progress.seats.map(({ device }) => device).sort();
  expect(devices(twin)).toEqual(devices(coded));
  expect(twin).toMatchObject({ mirrorOf: 'lenet5', strategy: 'uncoded', k: 5, r: 0, outage: null });
  expect(coded.twin).toBe('lenet5-uncoded');

  const before = (await product.deployment('lenet5-uncoded')).mirror!.offered;
  for (const { pixels } of sampleImages().slice(0, 10)) await expectRightAnswer(product, { pixels });
  await product.eventually('ten copies', async () => {
    const { mirror } = await product.deployment('lenet5-uncoded');
    return mirror?.offered === before + 10 && mirror.refused === 0;
  });
  await product.eventually('answered copies', async () => {
    const { counts } = await product.latency('lenet5-uncoded');
    return counts.requests === before + 10 && counts.answered === counts.requests && counts.lost === 0;
  });
});

test('a kill stalls only the twin, which answers again after a redistribution', async () => {
  await product.api('/api/deployments/lenet5/latency', { method: 'DELETE' });
  await product.api('/api/deployments/lenet5-uncoded/latency', { method: 'DELETE' });
  const load = { mode: 'open', ratePerSecond: 20 };
  expect((await product.api('/api/deployments/lenet5/load', { method: 'POST', json: load })).status).toBe(
    202,
  );
  await product.eventually('answers of both', async () => {
    const { counts } = await product.latency('lenet5-uncoded');
    return counts.answered > 20;
  });

  const { progress } = await product.deployment('lenet5-uncoded');
  const victim = progress.seats[1]!.device!;
  await product.fault(victim, { kind: 'kill' });
  const outage = await product.eventually('the outage', async () => {
    return (await product.deployment('lenet5-uncoded')).outage ?? false;
  });
  expect(outage).toMatchObject({ device: victim, seat: 1 });
  expect((await product.deployment('lenet5')).outage).toBeNull();
  const events = await product.eventually('the end of the outage', async () => {
    const found = await outageEvents();
    return found.some(({ kind }) => kind === 'outage-ended') && found;
  });
  expect(events.map(({ kind }) => kind)).toEqual([
    'outage-began',
    'failure-detected',
    'redistribution-began',
    'redistribution-finished',
    'outage-ended',
  ]);
  const [began, detected, redistribution, finished, ended] = events;
  expect(began).toMatchObject({ device: victim, seat: 1, requests: expect.any(Number) });
  expect(detected!.durationMs).toBeGreaterThanOrEqual(DETECT_MS);
  expect(finished).toMatchObject({ device: redistribution!.device, bytes: expect.any(Number) });
  expect(redistribution!.device).not.toBe(victim);
  expect(ended!.durationMs).toBeGreaterThanOrEqual(detected!.durationMs! + finished!.durationMs!);

  // Every request of the outage is answered in the end, and the answers are right.
  await product.eventually('answers after the outage', async () => {
    const { counts } = await product.latency('lenet5-uncoded');
    return counts.inFlight < 20 && counts.answered > 60;
  });
  for (const { pixels } of sampleImages().slice(0, 5)) {
    const { parameters } = await expectRightAnswer(product, { pixels, deployment: 'lenet5-uncoded' });
    expect(parameters).toMatchObject({ recovered: 0, rescued: 0 });
  }
  const twin = await product.deployment('lenet5-uncoded');
  expect(twin.state).toBe('degraded');
  expect(twin.progress.seats[1]).toMatchObject({ device: victim, substitute: redistribution!.device });

  const stopped = await product.api<LoadView>('/api/deployments/lenet5/load', { method: 'DELETE' });
  expect(stopped.body).toMatchObject({ failed: 0, lost: 0 });
  const coded = await product.latency('lenet5');
  expect(coded.counts).toMatchObject({ failed: 0, lost: 0, rescued: 0, corrupt: 0 });
  const uncoded = await product.eventually('no copy in flight', async () => {
    const view = await product.latency('lenet5-uncoded');
    return view.counts.inFlight === 0 && view;
  });
  expect(uncoded.counts).toMatchObject({ lost: 0, rescued: 0, corrupt: 0 });
  expect(uncoded.counts.requests).toBeGreaterThanOrEqual(coded.counts.requests);
  // The requests that waited for the redistribution are more than one in twenty. The medians say nothing here: both
  // deployments share the processors of one machine, and the code computes more shards.
  const sinceFault = (view: LatencyView) => view.periods[0]!.percentiles;
  expect(sinceFault(uncoded).p95).toBeGreaterThan(sinceFault(coded).p95);
  expect(uncoded.percentiles.max).toBeGreaterThan(DETECT_MS);
});

test('the seat moves back when the device returns', async () => {
  const { progress } = await product.deployment('lenet5-uncoded');
  const victim = progress.seats[1]!.device!;
  await product.api(`/api/devices/${victim}/revive`, { method: 'POST' });
  await product.deploymentState('lenet5-uncoded', 'ready');
  const last = (await outageEvents()).at(-1);
  expect(last).toMatchObject({ kind: 'slowdown-ended', device: victim, seat: 1 });
  expect(last!.durationMs).toBeGreaterThan(0);
  expect((await product.deployment('lenet5-uncoded')).progress.seats[1]!.substitute).toBeNull();
  await expectRightAnswer(product, { deployment: 'lenet5-uncoded' });
});

test('the twin is deleted with its original', async () => {
  expect((await product.api('/api/deployments/lenet5', { method: 'DELETE' })).status).toBe(204);
  expect((await product.api('/api/deployments')).body).toEqual([]);
});
