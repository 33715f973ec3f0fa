/** A model whose caller chooses the rounds of a loop. A run that does not end must cost one request only. */
import { expect, test } from '@playwright/test';
import { ENDLESS, loopModel } from '@sparewheel/engine/testing/loop';
import { Product } from '../src/product.ts';
import { expectRightAnswer } from '../src/reference.ts';

let product: Product;
test.afterEach(async () => {
  await product?.stop();
  product?.removeHome();
});

test('a run that does not end fails at its deadline, and nothing else waits for it', async () => {
  product = await Product.start({ args: ['--fleet', '3', '--no-demo'], withoutDemo: true });
  expect((await product.api('/api/zoo/lenet5', { method: 'POST' })).status).toBe(201);
  const uploaded = await product.api('/api/models?name=loop', {
    method: 'POST',
    body: Buffer.from(loopModel()),
    headers: { 'content-type': 'application/octet-stream' },
  });
  expect(uploaded.status).toBe(201);
  await product.eventually('three devices', async () => {
    const devices = await product.devices();
    return devices.filter(({ state }) => state === 'ready').length === 3;
  });
  const policy = { deadlineMs: 1_000 };
  for (const json of [
    { name: 'lenet5', model: 'lenet5', k: 2, r: 1, layers: 'all' },
    { name: 'loop', model: 'loop', k: 2, r: 1, policy },
    { name: 'patient', model: 'loop', k: 2, r: 1, policy: { deadlineMs: 600_000 } },
  ]) {
    expect((await product.api('/api/deployments', { method: 'POST', json })).status).toBe(202);
    await product.deploymentState(json.name, 'ready');
  }

  const [endless, behind] = await Promise.all([infer('loop', ENDLESS), infer('patient', 4), lenet5()]);
  expect(endless.status).toBe(504);
  expect(behind).toEqual({ status: 200, value: 16 });
  expect(await infer('loop', 3)).toEqual({ status: 200, value: 8 });

  // The stop ends the process, too.
  const stuck = infer('patient', ENDLESS).catch(() => null);
  await product.eventually('the request in flight', async () => {
    return (await product.latency('patient')).counts.inFlight === 1;
  });
  const { exitCode, signal } = await product.stop();
  expect([0, 'SIGINT']).toContain(exitCode ?? signal);
  await stuck;
});

async function lenet5(): Promise<void> {
  for (let request = 0; request < 20; request++) await expectRightAnswer(product);
}

async function infer(name: string, rounds: number): Promise<{ status: number; value?: number }> {
  const response = await fetch(`${product.dataUrl}/v2/models/${name}/infer`, {
    method: 'POST',
    headers: { authorization: `Bearer ${product.tokens.infer}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      inputs: [
        { name: 'rounds', datatype: 'INT64', shape: [], data: [rounds] },
        { name: 'x', datatype: 'FP32', shape: [1], data: [1] },
      ],
    }),
  });
  const { outputs } = (await response.json()) as { outputs?: { data: number[] }[] };
  return { status: response.status, ...(outputs ? { value: outputs[0]!.data[0]! } : {}) };
}
