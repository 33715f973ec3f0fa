/** Deployments survive restarts of the control plane and the data plane, and the loss of files. */

import { deviceView, refuse } from '@sparewheel/data-plane-client/testing';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../database/memory-store.ts';
import { deploymentRecord, modelRecord, smallArtifacts, smallPlan } from '../testing/records.ts';
import { DIGITS, TestApi } from '../testing/test-api.ts';
import { GROW_AFTER_MS, SHRINK_AFTER_MS } from './elasticity.ts';

async function storeWith(...records: ReturnType<typeof deploymentRecord>[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.createModel(modelRecord());
  for (const record of records) await store.createDeployment(record);
  return store;
}

describe('after a restart', () => {
  it('prepares an unfinished deployment again, and deploys it on its stored seats', async () => {
    const seats = ['device-0002', 'device-0001', null];
    const api = await TestApi.start({ store: await storeWith(deploymentRecord('a', { seats })) });
    await api.deploymentIs('a', 'distributing');
    expect(api.modelBuilder.jobs).toMatchObject([{ kind: 'build', canonical: modelRecord().canonical }]);
    expect(api.dataPlane.callsOf('deploy')[0]?.deployment).toMatchObject({ name: 'a', seats });
    expect((await api.store.deployment('a'))?.status).toBe('live');
    await api.close();
  });

  it('encodes a live deployment again whose files are missing', async () => {
    const live = deploymentRecord('a', { status: 'live', artifacts: smallArtifacts });
    const api = await TestApi.start({ store: await storeWith(live) });
    await api.deploymentIs('a', 'distributing');
    expect(api.modelBuilder.jobs.map(({ kind }) => kind)).toEqual(['build']);
    await api.close();
  });

  it('does not retry a failed deployment, and keeps its reason', async () => {
    const failed = deploymentRecord('a', { status: 'failed', reason: 'No room is left.' });
    const api = await TestApi.start({ store: await storeWith(failed) });
    expect((await api.ask('GET', '/api/deployments/a')).body).toMatchObject({
      state: 'failed',
      reason: 'No room is left.',
    });
    expect(api.modelBuilder.jobs).toEqual([]);
    expect(api.dataPlane.callsOf('deploy')).toEqual([]);
    await api.close();
  });
});

describe('after a restart of the data plane', () => {
  it('sends every deployment again, with its current policy and seats', async () => {
    const api = await TestApi.start({ store: await storeWith(deploymentRecord('a')) });
    await api.deploymentIs('a', 'distributing');
    const seats = ['device-0003', 'device-0001', 'device-0002'];
    api.deployments.storeSeats('a', seats);
    await api.ask('PATCH', '/api/deployments/a', { policy: { waitMs: 'all' } });
    api.deployments.handOverAll();
    await api.deploymentIs('a', 'distributing');
    const handedOver = api.dataPlane.callsOf('deploy');
    expect(handedOver).toHaveLength(2);
    expect(handedOver[1]?.deployment).toMatchObject({ seats, policy: { waitMs: 'all' } });
    expect((await api.store.deployment('a'))?.seats).toEqual(seats);
    await api.close();
  });
});

describe('the readiness of the data plane', () => {
  const expected = (api: TestApi) => api.dataPlane.callsOf('expect-deployments').map(({ names }) => names);

  it('waits for stored deployments in preparation, and not for failed ones', async () => {
    const failed = deploymentRecord('failed', { status: 'failed', reason: 'The disk is full.' });
    const api = await TestApi.start({ store: await storeWith(deploymentRecord('stored'), failed) });
    await api.deploymentIs('stored', 'distributing');
    expect(expected(api)).toEqual([['stored'], []]);
    const order = api.dataPlane.calls.map(({ kind }) => kind);
    expect(order.indexOf('deploy')).toBeLessThan(order.lastIndexOf('expect-deployments'));
    await api.close();
  });

  it('waits for an announced deployment until it exists or is withdrawn', async () => {
    const api = await TestApi.start();
    api.deployments.announce('demo');
    api.deployments.withdraw('demo');
    expect(expected(api)).toEqual([[], ['demo'], []]);
    await api.close();
  });

  it('does not wait for a deployment that the data plane rejects', async () => {
    const api = await TestApi.start();
    api.dataPlane.answers.deploy = () => refuse(422, 'cannot-load', 'The graph is missing.');
    await api.upload('lenet5', 'bytes of a model');
    await api.ask('POST', '/api/deployments', DIGITS);
    await api.deploymentIs('digits', 'failed');
    expect(expected(api)).toContainEqual(['digits']);
    expect(expected(api).at(-1)).toEqual([]);
    await api.close();
  });

  it('is told again after a restart of the data plane', async () => {
    const api = await TestApi.start({ store: await storeWith(deploymentRecord('a')) });
    await api.deploymentIs('a', 'distributing');
    const before = expected(api).length;
    api.deployments.handOverAll();
    expect(expected(api).slice(before)).toEqual([[]]);
    await api.close();
  });
});

describe('with too few devices for the plan', () => {
  it('changes to a smaller plan, and back to the requested size when devices join', async () => {
    let now = 0;
    const seats = [0, 1, 2, 3, 4].map((seat) => ({ ...smallPlan.seats[0]!, seat }));
    const record = deploymentRecord('a', {
      status: 'preparing',
      choice: { k: 4, r: 1, strategy: 'coded', layers: 'all', devices: null },
      plan: { ...smallPlan, k: 4, seats },
      seats: seats.map(() => null),
    });
    const api = await TestApi.start({ store: await storeWith(record), now: () => now });
    await api.deploymentIs('a', 'distributing');
    const runtime = { name: 'a', reason: null, policy: record.policy, load: null, seats: [] } as const;
    const remaining = ['one', 'two', 'three'].map((id) => deviceView(`device-${id}`));
    const report = (): void => api.dataPlane.report(remaining, [{ ...runtime, state: 'rescuing' }]);
    report();
    now = SHRINK_AFTER_MS - 1;
    report();
    expect(api.dataPlane.callsOf('deploy')).toHaveLength(1);
    now = SHRINK_AFTER_MS;
    report();
    await expect.poll(() => api.deployments.record('a').plan.k).toBe(2);
    expect(api.modelBuilder.jobs.at(-2)).toMatchObject({ kind: 'plan', choice: { k: 2, r: 1 } });
    expect(api.dataPlane.callsOf('deploy')[1]?.deployment).toMatchObject({ name: 'a', plan: { k: 2 } });
    expect(await api.store.deployment('a')).toMatchObject({
      plan: { k: 2 },
      choice: { k: 4 },
      seats: [null, null, null],
    });
    expect(api.deployments.view('a').state).toBe('rescuing');
    // A late report of the old plan's seats must not change the new plan's.
    api.deployments.storeSeats('a', ['1', '2', '3', '4', '5']);
    expect(api.deployments.record('a').seats).toEqual([null, null, null]);

    // More devices join, so the requested size is planned.
    for (const id of ['four', 'five']) remaining.push(deviceView(`device-${id}`));
    report();
    now += GROW_AFTER_MS;
    report();
    await expect
      .poll(() => api.modelBuilder.jobs.at(-1))
      .toMatchObject({ kind: 'plan', choice: { k: 4, r: 1 } });
    await api.close();
  });
});

describe('a deployment’s view', () => {
  it('follows the reports of the data plane', async () => {
    const api = await TestApi.start({ store: await storeWith(deploymentRecord('a')) });
    await api.deploymentIs('a', 'distributing');
    const seat = {
      seat: 0,
      role: 'data',
      device: 'device-0001',
      deviceName: 'one',
      state: 'installing',
      sentBytes: 25,
      totalBytes: 100,
    } as const;
    const runtime = { name: 'a', reason: null, policy: deploymentRecord().policy, load: null } as const;
    api.dataPlane.report([], [{ ...runtime, state: 'distributing', seats: [seat] }]);
    const { weightsBytes } = deploymentRecord().plan.seats[0]!;
    expect(api.deployments.view('a').progress).toEqual({
      // The only seat needs at least the bytes of its weights.
      fraction: 0.5 + (0.5 * 25) / Math.max(100, weightsBytes),
      phase: 'distributing',
      seats: [seat],
    });
    api.dataPlane.report([], [{ ...runtime, state: 'degraded', reason: '4 of 5', seats: [seat] }]);
    expect(api.deployments.view('a')).toMatchObject({
      state: 'degraded',
      reason: '4 of 5',
      progress: { fraction: 1, phase: 'done' },
    });
    await api.close();
  });
});
