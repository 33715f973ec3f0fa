/** Rescue rules, mirrors and uncoded twins over the API. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../database/memory-store.ts';
import { deploymentRecord, modelRecord, smallArtifacts, smallPlan } from '../testing/records.ts';
import { DIGITS, TestApi } from '../testing/test-api.ts';
import { twinRequests } from './twins.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.close());

const deploy = (change: object) => api.ask('POST', '/api/deployments', { ...DIGITS, ...change });
const view = async (name: string) => (await api.ask('GET', `/api/deployments/${name}`)).body;

describe('the rules for failures', () => {
  it('have defaults that depend on the objective, and are shown', async () => {
    await api.deployed();
    expect((await view('digits')).policy).toMatchObject({ rescue: 'data-plane', detectMs: null });
    const plan = { ...smallPlan, objective: 'devices-only' } as const;
    api.modelBuilder.planned = { ...api.modelBuilder.planned, plan };
    await deploy({ name: 'strict', objective: 'devices-only' });
    expect((await view('strict')).policy).toMatchObject({ rescue: 'off' });
  });

  it('reach the data plane and the store, at the deployment and live', async () => {
    await api.upload('lenet5', 'bytes of a model');
    await deploy({ policy: { rescue: 'devices', detectMs: 3_000 } });
    await api.deploymentIs('digits', 'distributing');
    const { deployment } = api.dataPlane.callsOf('deploy')[0]!;
    expect(deployment.policy).toMatchObject({ rescue: 'devices', detectMs: 3_000 });
    const patch = { policy: { rescue: 'off', detectMs: null } };
    const { body } = await api.ask('PATCH', '/api/deployments/digits', patch);
    expect(body.policy).toMatchObject(patch.policy);
    expect(api.dataPlane.callsOf('set-policy')[0]!.policy).toMatchObject(patch.policy);
    expect((await api.store.deployment('digits'))!.policy).toMatchObject(patch.policy);
  });

  it('may not contradict the objective', async () => {
    await api.upload('lenet5', 'bytes of a model');
    const answer = await deploy({ objective: 'devices-only', policy: { rescue: 'data-plane' } });
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain('the data plane computes no shard');
    expect(await api.store.deployments()).toEqual([]);
  });

  it.each([
    [{ policy: { rescue: 'maybe' } }, '"policy.rescue"'],
    [{ policy: { detectMs: -1 } }, '"policy.detectMs"'],
    [{ policy: { rescues: 'off' } }, 'The field "policy.rescues" is unknown.'],
    [{ twin: true }, 'The field "twin" is unknown.'],
  ])('are validated: %j', async (change, named) => {
    await api.upload('lenet5', 'bytes of a model');
    const answer = await deploy(change);
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain(named);
  });
});

describe('a mirror', () => {
  it('names its original, is no twin, and survives a restart', async () => {
    await api.deployed();
    expect((await deploy({ name: 'copy', mirrorOf: 'digits' })).status).toBe(202);
    await api.deploymentIs('copy', 'distributing');
    const sent = api.dataPlane
      .callsOf('deploy')
      .map(({ deployment }) => [deployment.name, deployment.mirrorOf]);
    expect(sent).toEqual([
      ['digits', undefined],
      ['copy', 'digits'],
    ]);
    expect(await view('copy')).toMatchObject({ mirrorOf: 'digits', twin: null });
    expect(await view('digits')).toMatchObject({ mirrorOf: null, twin: null, mirror: null });
    const restarted = await TestApi.start({ store: api.store });
    await restarted.deploymentIs('copy', 'distributing');
    const again = restarted.dataPlane.callsOf('deploy').map(({ deployment }) => deployment);
    expect(again.find(({ name }) => name === 'copy')!.mirrorOf).toBe('digits');
    await restarted.close();
  });

  it('needs an original that exists, with the same model, and that is no mirror', async () => {
    await api.deployed();
    await api.upload('other', 'bytes of another model');
    await deploy({ name: 'copy', mirrorOf: 'digits' });
    for (const [change, message] of [
      [{ mirrorOf: 'nothing' }, 'names "nothing", which is not a deployment'],
      [{ mirrorOf: 'digits', model: 'other' }, 'A mirror needs the same model'],
      [{ mirrorOf: 'copy' }, 'is itself a mirror of "digits"'],
    ] as const) {
      const { status, body } = await deploy({ name: 'second', ...change });
      expect([status, body.error.message]).toEqual([400, expect.stringContaining(message)]);
    }
  });

  it('is deleted with its original, and alone', async () => {
    await api.deployed();
    await deploy({ name: 'copy', mirrorOf: 'digits' });
    await api.deploymentIs('copy', 'distributing');
    expect((await api.ask('DELETE', '/api/deployments/copy')).status).toBe(204);
    await deploy({ name: 'copy', mirrorOf: 'digits' });
    await api.deploymentIs('copy', 'distributing');
    expect((await api.ask('DELETE', '/api/deployments/digits')).status).toBe(204);
    expect(api.dataPlane.callsOf('undeploy').map(({ name }) => name)).toEqual(['copy', 'copy', 'digits']);
    expect(await api.store.deployments()).toEqual([]);
  });
});

describe('the twin of a deployment', () => {
  it('is uncoded, on the same devices, with the same layers, and rescued by devices', async () => {
    await api.deployed();
    api.deployments.storeSeats('digits', ['device-0003', 'device-0001', 'device-0002']);
    const { status, headers, body } = await api.ask('POST', '/api/deployments/digits/twin', {
      detectMs: 3_000,
    });
    expect([status, headers.location]).toEqual([202, '/api/deployments/digits-uncoded']);
    expect(body).toMatchObject({
      name: 'digits-uncoded',
      strategy: 'uncoded',
      k: 3,
      r: 0,
      layers: 'all',
      mirrorOf: 'digits',
      policy: { waitMs: 'all', rescue: 'devices', detectMs: 3_000, deadlineMs: 13_000 },
    });
    const planned = api.modelBuilder.jobs.filter(({ kind }) => kind === 'plan').at(-1) as {
      choice: { devices: readonly { id: string }[] };
    };
    const devices = planned.choice.devices.map(({ id }) => id);
    expect(devices).toEqual(['device-0003', 'device-0001', 'device-0002']);
    expect((await view('digits')).twin).toBe('digits-uncoded');
  });

  it('is another deployment than the operator’s own mirrors, which stay when it is taken off', async () => {
    await api.deployed();
    for (const [name, strategy] of [
      ['a-coded-copy', 'coded'],
      ['an-uncoded-copy', 'uncoded'],
    ] as const) {
      const answer = await deploy({ name, strategy, r: strategy === 'coded' ? 1 : 0, mirrorOf: 'digits' });
      expect(answer.status).toBe(202);
    }
    expect((await view('digits')).twin).toBeNull();
    expect((await api.ask('DELETE', '/api/deployments/digits/twin')).status).toBe(404);
    expect((await api.ask('POST', '/api/deployments/digits/twin')).status).toBe(202);
    expect((await view('digits')).twin).toBe('digits-uncoded');
    expect((await api.ask('DELETE', '/api/deployments/digits/twin')).status).toBe(204);
    const left = (await api.ask('GET', '/api/deployments')).body as readonly { name: string }[];
    expect(left.map(({ name }) => name)).toEqual(['a-coded-copy', 'an-uncoded-copy', 'digits']);
  });

  it('survives a restart', async () => {
    await api.deployed();
    await api.ask('POST', '/api/deployments/digits/twin');
    await api.deploymentIs('digits-uncoded', 'distributing');
    const restarted = await TestApi.start({ store: api.store });
    expect((await restarted.ask('GET', '/api/deployments/digits')).body.twin).toBe('digits-uncoded');
    await restarted.close();
  });

  it('changes its detection live, and its deadline with it', async () => {
    await api.deployed();
    const patch = (detectMs: number | null) => api.ask('PATCH', '/api/deployments/digits/twin', { detectMs });
    expect([(await patch(1)).status, (await patch(1)).body.error.code]).toEqual([404, 'unknown-twin']);
    await api.ask('POST', '/api/deployments/digits/twin');
    await api.deploymentIs('digits-uncoded', 'distributing');
    const { status, body } = await patch(20_000);
    expect([status, body.name]).toEqual([200, 'digits-uncoded']);
    expect(body.policy).toMatchObject({ detectMs: 20_000, deadlineMs: 30_000, rescue: 'devices' });
    expect(api.dataPlane.callsOf('set-policy').at(-1)).toMatchObject({
      name: 'digits-uncoded',
      policy: { detectMs: 20_000, deadlineMs: 30_000 },
    });
    expect((await patch(null)).body.policy).toMatchObject({ detectMs: null, deadlineMs: 10_000 });
    expect((await view('digits')).policy).toMatchObject({ detectMs: null, deadlineMs: 10_000 });
  });

  it('follows a change of the deadline of its original', async () => {
    await api.deployed();
    await api.ask('POST', '/api/deployments/digits/twin', { detectMs: 20_000 });
    await api.deploymentIs('digits-uncoded', 'distributing');
    const deadline = async (deadlineMs: number) => {
      await api.ask('PATCH', '/api/deployments/digits', { policy: { deadlineMs } });
      return (await view('digits-uncoded')).policy;
    };
    expect(await deadline(45_000)).toMatchObject({ deadlineMs: 45_000, detectMs: 20_000 });
    expect(api.dataPlane.callsOf('set-policy').at(-1)).toMatchObject({
      name: 'digits-uncoded',
      policy: { deadlineMs: 45_000 },
    });
    // Its requests must be able to wait for the detection.
    expect(await deadline(1_000)).toMatchObject({ deadlineMs: 30_000 });
    const calls = api.dataPlane.callsOf('set-policy').length;
    await api.ask('PATCH', '/api/deployments/digits', { policy: { verify: 'off' } });
    expect(api.dataPlane.callsOf('set-policy')).toHaveLength(calls + 1);
  });

  it('needs no body, and can be taken off', async () => {
    await api.deployed();
    expect((await api.ask('POST', '/api/deployments/digits/twin')).status).toBe(202);
    const again = await api.ask('POST', '/api/deployments/digits/twin');
    expect([again.status, again.body.error.code]).toEqual([409, 'twin-exists']);
    expect((await api.ask('DELETE', '/api/deployments/digits/twin')).status).toBe(204);
    expect((await view('digits')).twin).toBeNull();
    const gone = await api.ask('DELETE', '/api/deployments/digits/twin');
    expect([gone.status, gone.body.error.code]).toEqual([404, 'unknown-twin']);
    expect((await api.ask('POST', '/api/deployments/none/twin')).status).toBe(404);
  });

  it.each([
    [{ detectMs: 60_001 }, '"detectMs"'],
    [{ k: 3 }, 'The field "k" is unknown.'],
  ])('rejects the body %j', async (body, named) => {
    await api.deployed();
    const answer = await api.ask('POST', '/api/deployments/digits/twin', body);
    expect([answer.status, answer.body.error.message]).toEqual([400, expect.stringContaining(named)]);
  });
});

describe('a deployment without an uncoded twin', () => {
  const record = (change: Parameters<typeof deploymentRecord>[1]) => deploymentRecord('a', change);
  const choice = record({}).choice;

  it.each([
    [record({ choice: { ...choice, strategy: 'uncoded', r: 0 } }), 'its strategy is "uncoded"'],
    [record({ choice: { ...choice, strategy: 'replicated' } }), 'its strategy is "replicated"'],
    [record({ plan: { ...smallPlan, runsWhole: 'Runs whole' } }), 'it distributes no layer'],
    [record({ choice: { ...choice, mirrorOf: 'b' } }), 'it is itself a mirror of "b"'],
    [{ ...record({}), name: 'x'.repeat(95) }, 'more than 100 characters'],
  ])('gets one clear sentence: $name', (given, reason) => {
    expect(() => twinRequests(given, null)).toThrow(reason);
    try {
      twinRequests(given, null);
    } catch (error) {
      expect(error).toMatchObject({ status: 409, code: 'no-twin' });
    }
  });

  it('tries fewer devices if the model cannot be divided over all of them', () => {
    expect(twinRequests(record({}), null).map(({ k, r }) => [k, r])).toEqual([
      [3, 0],
      [2, 0],
    ]);
  });

  it('names the layers that a plan with layers "auto" distributes', () => {
    const [request] = twinRequests(record({ choice: { ...choice, layers: 'auto' } }), null);
    expect(request!.layers).toEqual(['fc']);
  });

  it('says why if there is no plan', async () => {
    const store = new MemoryStore();
    await store.createModel(modelRecord());
    await store.createDeployment(record({ status: 'live', artifacts: smallArtifacts }));
    const other = await TestApi.start({ store });
    const { ApiError } = await import('@sparewheel/protocol');
    other.modelBuilder.failures.plan = new ApiError(400, 'no-plan', 'The devices have too little memory.');
    const answer = await other.ask('POST', '/api/deployments/a/twin');
    expect([answer.status, answer.body.error.message]).toEqual([
      409,
      '"a" cannot have an uncoded twin: The devices have too little memory.',
    ]);
    await other.close();
  });
});
