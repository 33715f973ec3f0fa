/** Overload: more requests than the limits, two deployments on the same devices, and a stop under load. */
import { type FromDevice, LIMITS } from '@sparewheel/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type LinearModel, linearModel } from './testing/linear-model.ts';
import { ScriptedDevice } from './testing/scripted-device.ts';
import { TEST_TOKENS, TestPlane } from './testing/test-plane.ts';
import { type HttpAnswer, send } from './testing/v2-client.ts';

let plane: TestPlane;
let devices: ScriptedDevice[];
let models: Record<'busy' | 'quiet', LinearModel>;
/** If not null, devices hold their answers here. */
let held: (() => void)[] | null;

beforeEach(async () => {
  held = null;
  plane = await TestPlane.start();
  const misbehavior = (correct: FromDevice, device: ScriptedDevice): FromDevice | null => {
    if (held === null) return correct;
    held.push(() => device.tensors.emit('tensors', correct));
    return null;
  };
  devices = Array.from({ length: 4 }, () => new ScriptedDevice(plane, { misbehavior }));
  await plane.until(() => devices.every(({ name }) => plane.device(name)?.state === 'ready'));
  models = {
    busy: await linearModel(plane.blobs, { name: 'busy', seed: 1 }),
    quiet: await linearModel(plane.blobs, { name: 'quiet', seed: 2 }),
  };
  for (const { deployment } of Object.values(models)) {
    const policy = { ...deployment.policy, verify: 'off' as const };
    const seats = devices.map(({ id }) => id);
    await plane.plane.call({ kind: 'deploy', deployment: { ...deployment, policy, seats } });
    await plane.until(() => plane.deployment(deployment.name)?.state === 'ready');
  }
});
afterEach(async () => {
  release();
  for (const device of devices) device.close();
  await plane.stop();
});

function release(): void {
  const answers = held ?? [];
  held = null;
  for (const answer of answers) answer();
}

async function infer(name: 'busy' | 'quiet', at = 0): Promise<HttpAnswer> {
  const { inner, expected } = models[name];
  const x = Float32Array.from({ length: inner }, (_, i) => Math.sin(at + i));
  const answer = await send(plane.plane.port, 'POST', `/v2/models/${name}/infer`, {
    token: TEST_TOKENS.inferToken,
    body: JSON.stringify({ inputs: [{ name: 'x', shape: [1, inner], datatype: 'FP32', data: [...x] }] }),
  });
  if (answer.status === 200) {
    for (const [i, value] of answer.json().outputs[0].data.entries()) {
      expect(value).toBeCloseTo(expected(x)[i]!, 5);
    }
  }
  return answer;
}

const requestsOf = async (name: string) => (await plane.plane.call({ kind: 'latency', name })).counts;

function inFlight(name: string, requests: number): Promise<void> {
  return plane.until(
    () => plane.views?.latency.find(({ deployment }) => deployment === name)?.counts.inFlight === requests,
  );
}

it('rejects requests over the limit with Retry-After, and answers every accepted request', async () => {
  held = [];
  const capacity = LIMITS.requestsInFlight + LIMITS.requestsQueued;
  const excess = 20;
  const answers = Array.from({ length: capacity + excess }, (_, at) => infer('busy', at));
  let rejected = 0;
  const refused = new Promise<void>((resolve) => {
    for (const answer of answers) {
      void answer.then(({ status }) => {
        if (status === 503 && ++rejected === excess) resolve();
      });
    }
  });
  await refused;
  release();
  const all = await Promise.all(answers);
  const refusals = all.filter(({ status }) => status === 503);
  expect(refusals).toHaveLength(excess);
  for (const { headers, json } of refusals) {
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(json().code).toBe('overloaded');
  }
  expect(all.filter(({ status }) => status === 200)).toHaveLength(capacity);
  expect(await requestsOf('busy')).toMatchObject({ answered: capacity, failed: 0, lost: 0 });
}, 30_000);

it('serves a deployment while another on the same devices has a long queue', async () => {
  held = [];
  const order: string[] = [];
  const ask = (name: 'busy' | 'quiet', at: number) => infer(name, at).then(() => order.push(name));
  const busy = Array.from({ length: 200 }, (_, at) => ask('busy', at));
  await inFlight('busy', 200);
  const quiet = Array.from({ length: 8 }, (_, at) => ask('quiet', at));
  await inFlight('quiet', 8);
  release();
  await Promise.all([...busy, ...quiet]);
  // Round robin: requests in flight first, then one of each deployment. FIFO would make the last one the
  // 208th.
  expect(order.lastIndexOf('quiet')).toBeLessThan(100);
}, 30_000);

it('finishes accepted requests and rejects new ones when it stops', async () => {
  held = [];
  const accepted = Array.from({ length: 30 }, (_, at) => infer('busy', at));
  await inFlight('busy', 30);
  const stopped = plane.plane.call({ kind: 'stop' });
  const late = await infer('busy');
  expect(late.status).toBe(503);
  release();
  for (const { status } of await Promise.all(accepted)) expect(status).toBe(200);
  await stopped;
}, 30_000);
