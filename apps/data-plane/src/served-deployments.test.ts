/** The readiness of the data plane, over real sockets. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outcome, Task } from '@sparewheel/protocol';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ServedDeployments, type ServedDeploymentsOptions } from './served-deployments.ts';
import { type LinearModel, linearModel } from './testing/linear-model.ts';
import { ScriptedDevice } from './testing/scripted-device.ts';
import { TestPlane } from './testing/test-plane.ts';
import { send } from './testing/v2-client.ts';

let plane: TestPlane;
let devices: ScriptedDevice[];
let model: LinearModel;

beforeEach(async () => {
  plane = await TestPlane.start();
  devices = [];
  model = await linearModel(plane.blobs, { k: 3, r: 1 });
});
afterEach(async () => {
  for (const device of devices) device.close();
  await plane.stop();
});

async function join4(): Promise<void> {
  devices = Array.from({ length: 4 }, () => new ScriptedDevice(plane));
  await plane.until(() => devices.every(({ name }) => plane.device(name)?.state === 'ready'));
}

async function ready(): Promise<boolean> {
  const { status, json } = await send(plane.plane.port, 'GET', '/v2/health/ready');
  const { ready } = json();
  expect(status).toBe(ready ? 200 : 503);
  return ready;
}

const expectNames = (...names: string[]) => plane.plane.call({ kind: 'expect-deployments', names });
const deploy = () => plane.plane.call({ kind: 'deploy', deployment: model.deployment });
const stateIs = (state: string) => plane.until(() => plane.deployment('linear')?.state === state);

it('is not ready before the control plane has said which deployments are stored', async () => {
  expect(await ready()).toBe(false);
  await expectNames();
  expect(await ready()).toBe(true);
});

it('is not ready while a stored deployment is not sent, or is distributed', async () => {
  await join4();
  const held: ((outcome: Outcome) => void)[] = [];
  for (const { control } of devices) {
    control.off('load');
    control.on('load', (_task: Task, done: (outcome: Outcome) => void) => held.push(done));
  }
  await expectNames('linear');
  expect(await ready()).toBe(false);
  await deploy();
  await expectNames();
  await stateIs('distributing');
  expect(await ready()).toBe(false);
  await vi.waitFor(() => expect(held).toHaveLength(4));
  for (const done of held) done({ ok: true });
  await stateIs('ready');
  expect(await ready()).toBe(true);
});

it('is not ready while the local steps of a new deployment are loading', async () => {
  let loaded = (): void => {};
  const loading = new Promise<void>((resolve) => {
    loaded = resolve;
  });
  const deployments = new ServedDeployments({
    coordinator: { deploy: () => {} },
    compute: { preload: () => loading },
    distributor: { deployed: () => undefined },
  } as unknown as ServedDeploymentsOptions);
  deployments.expect([]);
  expect(deployments.ready).toBe(true);
  const deployed = deployments.deploy(model.deployment);
  expect(deployments.ready).toBe(false);
  loaded();
  await deployed;
  deployments.stateChanged('linear', 'ready', null);
  expect(deployments.ready).toBe(true);
});

it('gives accepted requests time at an undeploy, and the copies of a mirror none', async () => {
  const waits: unknown[] = [];
  const deployments = new ServedDeployments({
    coordinator: { deploy: () => {}, undeploy: async (...call: unknown[]) => waits.push(call) },
    compute: { preload: async () => {}, release: async () => {} },
    distributor: { deployed: () => undefined, undeployed: () => {} },
  } as unknown as ServedDeploymentsOptions);
  await deployments.deploy(model.deployment);
  await deployments.deploy({ ...model.deployment, name: 'copy', mirrorOf: 'linear' });
  await deployments.undeploy('copy');
  await deployments.undeploy('linear');
  expect(waits).toEqual([
    ['copy', 0],
    ['linear', 8_000],
  ]);
});

it('stays ready while a deployment is degraded or rescuing, and while its plan changes', async () => {
  await join4();
  await expectNames();
  await deploy();
  await stateIs('ready');
  devices[0]!.close();
  await stateIs('degraded');
  expect(await ready()).toBe(true);
  devices[1]!.close();
  await stateIs('rescuing');
  expect(await ready()).toBe(true);
  await deploy();
  expect(await ready()).toBe(true);
});

it('is not blocked by a deployment that fails to load and is no longer expected', async () => {
  await expectNames('linear');
  const [activation] = model.deployment.artifacts.activation!;
  const { sha256 } = activation!.graph;
  await rm(join(plane.blobs, sha256));
  const deploying = deploy();
  deploying.catch(() => {});
  await plane.until(() => plane.messages.some(({ kind }) => kind === 'blob-damaged'));
  await plane.plane.call({ kind: 'blob-repaired', sha256, problem: 'There is no model.' });
  await expect(deploying).rejects.toMatchObject({ status: 422, code: 'cannot-load' });
  expect(await ready()).toBe(false);
  await expectNames();
  expect(await ready()).toBe(true);
});
