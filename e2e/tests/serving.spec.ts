/** Answers while devices die, checked through the public interfaces. */
import { expect, test } from '@playwright/test';
import type { DeviceView } from '@sparewheel/protocol';
import { inferBinary, inferJson } from '../src/inference.ts';
import type { Product } from '../src/product.ts';
import { digitInput, expectRight, expectRightAnswer, sampleImages } from '../src/reference.ts';
import { sharedProduct } from '../src/shared.ts';
import { tritonClientCalls } from '../src/triton-client.ts';

let product: Product;
sharedProduct((started) => {
  product = started;
});

async function kill(device: DeviceView): Promise<void> {
  await product.fault(device.id, { kind: 'kill' });
  await product.eventually(`${device.name} dead`, async () => {
    const now = (await product.devices()).find(({ id }) => id === device.id);
    return now !== undefined && now.state !== 'ready';
  });
}

async function revive(device: DeviceView): Promise<void> {
  const { status } = await product.api(`/api/devices/${device.id}/revive`, { method: 'POST' });
  expect(status).toBeLessThan(300);
  await product.eventually(`${device.name} ready`, async () => {
    const now = (await product.devices()).find(({ id }) => id === device.id);
    return now?.state === 'ready';
  });
}

/** Returns the devices of the demo deployment in the order of their seats. */
async function seated(): Promise<DeviceView[]> {
  const [devices, deployment] = await Promise.all([product.devices(), product.deployment('lenet5')]);
  return deployment.progress.seats.map((seat) => {
    const device = devices.find(({ id }) => id === seat.device);
    if (device === undefined) throw new Error(`seat ${seat.seat} is empty`);
    return device;
  });
}

test('answers agree with the undivided model, healthy and with each device dead, in JSON and binary form', async () => {
  const check = async () => {
    await expectRightAnswer(product, { infer: inferJson });
    return expectRightAnswer(product, { infer: inferBinary });
  };

  await check();
  for (const device of await product.devices()) {
    await kill(device);
    const { parameters } = await check();
    expect(parameters.rescued).toBe(0);
    if (device.roles.includes('data')) expect(parameters.recovered).toBeGreaterThan(0);
    await revive(device);
    await product.deploymentState('lenet5', 'ready');
  }
});

test('Triton’s Python client gets the expected result of each of its calls, over HTTP and gRPC', async () => {
  const { calls, skipped } = await tritonClientCalls(product, 'lenet5');
  for (const reason of skipped) console.log(`Triton's client is not tested: ${reason}`);
  test.skip(calls.length === 0, `no Triton client: ${skipped.join('; ')}`);
  expect(calls.filter(({ ok }) => !ok)).toEqual([]);
});

test('under load, killing and reviving each device of the group fails and loses no request', async () => {
  const started = await product.api('/api/deployments/lenet5/load', {
    method: 'POST',
    json: { mode: 'closed', concurrency: 8 },
  });
  expect(started.status).toBeLessThan(300);
  const before = await product.latency('lenet5');

  for (const device of await seated()) {
    const { counts } = await product.latency('lenet5');
    await kill(device);
    await product.eventually(
      `40 answers without ${device.name}`,
      async () => (await product.latency('lenet5')).counts.answered > counts.answered + 40,
    );
    await revive(device);
    await product.deploymentState('lenet5', 'ready');
  }

  const stopped = await product.api<{ sent: number; answered: number; failed: number; lost: number }>(
    '/api/deployments/lenet5/load',
    { method: 'DELETE' },
  );
  const { counts } = await product.latency('lenet5');
  expect(counts.recovered).toBeGreaterThan(before.counts.recovered);
  // A request from before a revival may lose a second device to the next kill. It then waits for the revival.
  expect({ failed: counts.failed - before.counts.failed, lost: counts.lost }).toEqual({ failed: 0, lost: 0 });
  expect(stopped.body).toMatchObject({ failed: 0, lost: 0 });
  expect(stopped.body.answered).toBe(stopped.body.sent);
});

test('killing two devices at once: a request waits for the standby; redundancy is full after a revival', async () => {
  const seats = await seated();
  const [first, second] = [seats[0], seats[1]];
  if (first === undefined || second === undefined) throw new Error('no seats');

  await Promise.all([kill(first), kill(second)]);
  // The demo is for "devices-only": the data plane computes no missing shard.
  expect((await expectRightAnswer(product)).parameters.rescued).toBe(0);

  await product.eventually(
    'an answer recovered without a rescue',
    async () => {
      const { parameters } = await expectRightAnswer(product);
      return parameters.rescued === 0 && parameters.recovered > 0;
    },
    10_000,
  );

  await revive(first);
  await product.deploymentState('lenet5', 'ready', 10_000);
  await revive(second);
});

test('without parity and under devices-only, requests fail while a device is dead, and are answered after its revival', async () => {
  const name = 'uncoded';
  // As many seats as devices, so that no standby can take a seat over.
  const k = (await product.devices()).length;
  const created = await product.api('/api/deployments', {
    method: 'POST',
    json: {
      name,
      model: 'lenet5',
      k,
      r: 0,
      strategy: 'uncoded',
      layers: 'all',
      objective: 'devices-only',
      policy: { deadlineMs: 2_000 },
    },
  });
  expect(created.status, JSON.stringify(created.body)).toBe(202);
  await product.deploymentState(name, 'ready');
  const { pixels } = sampleImages()[0]!;
  const infer = () => inferBinary(product, name, digitInput(pixels));
  await expectRight(await infer(), pixels);

  const { seats } = (await product.deployment(name)).progress;
  const victim = (await product.devices()).find(({ id }) => id === seats[0]!.device)!;
  await kill(victim);
  await product.deploymentState(name, 'unavailable');
  expect((await infer()).status).toBe(504);
  const { counts } = await product.latency(name);
  expect(counts).toMatchObject({ rescued: 0, failed: 1 });

  // With a later deadline, a request waits for the device.
  const change = { method: 'PATCH', json: { policy: { deadlineMs: 60_000 } } } as const;
  expect((await product.api(`/api/deployments/${name}`, change)).status).toBe(200);
  const answer = infer();
  await revive(victim);
  await expectRight(await answer, pixels);
  await product.api(`/api/deployments/${name}`, { method: 'DELETE' });
  await product.deploymentState('lenet5', 'ready');
});

test('a killed and restarted control plane restores its deployments', async () => {
  await product.killControlPlane();
  await product.restart();
  const { pixels } = sampleImages()[0]!;
  const answer = await product.eventually('an answer after the restart', async () => {
    const inferred = await inferBinary(product, 'lenet5', digitInput(pixels));
    return inferred.status === 200 && inferred;
  });
  await expectRight(answer, pixels);
});
