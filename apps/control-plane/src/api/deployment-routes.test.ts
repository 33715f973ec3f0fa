/** Deployments from the request to the data plane, with fakes of both worker threads. */

import { refuse } from '@sparewheel/data-plane-client/testing';
import type { Plan } from '@sparewheel/planner';
import { ApiError } from '@sparewheel/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { smallArtifacts, smallPlan, smallPlanned } from '../testing/records.ts';
import { DIGITS, TestApi } from '../testing/test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.close());

describe('deployments', () => {
  it('are prepared and sent to the data plane', async () => {
    await api.upload('lenet5', 'bytes of a model');
    api.modelBuilder.hold = true;
    const { status, body, headers } = await api.ask('POST', '/api/deployments', DIGITS);
    expect(status).toBe(202);
    expect(headers.location).toBe('/api/deployments/digits');
    expect(body).toMatchObject({ name: 'digits', state: 'preparing', k: 2, r: 1, plan: smallPlan });
    expect(body.progress).toMatchObject({
      fraction: 0,
      phase: 'encoding',
      seats: [{ state: 'empty' }, {}, {}],
    });
    for (const path of ['latency', 'load']) {
      const early = await api.ask(path === 'load' ? 'POST' : 'GET', `/api/deployments/digits/${path}`);
      expect({ status: early.status, code: early.body.error.code }).toEqual({
        status: 409,
        code: 'not-live',
      });
    }
    api.modelBuilder.release();
    await api.deploymentIs('digits', 'distributing');
    expect(api.dataPlane.callsOf('deploy')).toEqual([
      {
        kind: 'deploy',
        deployment: {
          name: 'digits',
          plan: smallPlan,
          artifacts: smallArtifacts,
          policy: { waitMs: 'any-k', verify: 'after', deadlineMs: 10_000 },
          seats: [null, null, null],
        },
      },
    ]);
    const list = (await api.ask('GET', '/api/deployments')).body;
    expect(list).toHaveLength(1);
    expect(list[0].plan).toBeUndefined();
    expect((await api.store.deployment('digits'))?.artifacts).toEqual(smallArtifacts);
  });

  it('reject parity for the strategy without parity', async () => {
    await api.upload('lenet5', 'bytes of a model');
    for (const path of ['/api/deployments', '/api/plans']) {
      const name = path === '/api/plans' ? {} : { name: 'digits' };
      const request = { ...name, model: 'lenet5', k: 2, strategy: 'uncoded' };
      const { status, body } = await api.ask('POST', path, { ...request, r: 1 });
      expect({ status, message: body.error.message }).toEqual({
        status: 400,
        message: 'The field "r" is invalid: the strategy "uncoded" has no parity, so r must be 0.',
      });
      expect((await api.ask('POST', path, request)).status).toBeLessThan(300);
    }
    expect((await api.ask('GET', '/api/deployments/digits')).body).toMatchObject({ r: 0 });
  });

  it('show the present plan beside the requested one', async () => {
    await api.upload('lenet5', 'bytes of a model');
    await api.ask('POST', '/api/deployments', { ...DIGITS, k: 4 });
    const view = (await api.ask('GET', '/api/deployments/digits')).body;
    expect(view).toMatchObject({ k: 4, r: 1, planned: { k: 2, r: 1 } });
  });

  it('say in their status that nothing is distributed', async () => {
    await api.upload('lenet5', 'bytes of a model');
    const runsWhole = 'Runs whole on the data plane: distributed it would be 3.0 × slower';
    const step = {
      kind: 'local',
      id: 'step-0',
      summary: 'Gemm',
      feeds: [],
      fetches: [],
      nodes: [0],
    } as const;
    const plan: Plan = { ...smallPlan, steps: [step], seats: [], coverage: null, runsWhole };
    api.modelBuilder.planned = { ...smallPlanned, plan, seats: [] };
    await api.ask('POST', '/api/deployments', { ...DIGITS, layers: 'auto' });
    await api.deploymentIs('digits', 'distributing');
    const view = (await api.ask('GET', '/api/deployments/digits')).body;
    expect(view).toMatchObject({ coverage: null, runsWhole, progress: { seats: [] } });
    const [created] = (await api.ask('GET', '/api/events')).body.filter(
      ({ kind }: { kind: string }) => kind === 'deployment-created',
    );
    expect(created.message).toBe(`digits is being prepared: ${runsWhole}.`);
  });

  it('pass their objective and the memory of the data plane to the planner', async () => {
    await api.upload('lenet5', 'bytes of a model');
    await api.ask('POST', '/api/plans', { model: 'lenet5' });
    await api.ask('POST', '/api/plans', { model: 'lenet5', objective: 'devices-only' });
    const choices = api.modelBuilder.jobs.flatMap((job) => (job.kind === 'plan' ? [job.choice] : []));
    expect(choices.map(({ objective }) => objective)).toEqual(['latency', 'devices-only']);
    expect(choices[0]!.dataPlaneMemoryBytes).toBeGreaterThan(1e6);
  });

  it('use the named devices in order', async () => {
    await api.upload('lenet5', 'bytes of a model');
    const devices = ['device-0003', 'device-0001', 'device-0002'];
    expect((await api.ask('POST', '/api/deployments', { ...DIGITS, devices })).status).toBe(202);
    await api.deploymentIs('digits', 'distributing');
    expect(api.dataPlane.callsOf('deploy')[0]?.deployment.seats).toEqual(devices);
  });

  it.each([
    [undefined, 400, 'JSON object'],
    [[], 400, 'JSON object'],
    [{ model: 'lenet5' }, 400, '"name"'],
    [{ ...DIGITS, name: 'a/b' }, 400, '"name"'],
    [{ ...DIGITS, model: 'ghost' }, 404, 'ghost'],
    [{ ...DIGITS, k: 0 }, 400, '"k"'],
    [{ ...DIGITS, k: 2.5 }, 400, '"k"'],
    [{ ...DIGITS, r: -1 }, 400, '"r"'],
    [{ ...DIGITS, strategy: 'magic' }, 400, '"strategy"'],
    [{ ...DIGITS, layers: 'most' }, 400, '"layers"'],
    [{ ...DIGITS, objective: 'speed' }, 400, '"objective"'],
    [{ ...DIGITS, layers: [] }, 400, '"layers"'],
    [{ ...DIGITS, policy: { waitMs: -5 } }, 400, '"policy.waitMs"'],
    [{ ...DIGITS, policy: { verify: 'never' } }, 400, '"policy.verify"'],
    [{ ...DIGITS, devices: ['ghost'] }, 400, 'ghost'],
    [{ ...DIGITS, devices: ['device-0001', 'device-0001', 'device-0002'] }, 400, 'twice'],
  ])('are rejected for %j', async (request, expected, named) => {
    await api.upload('lenet5', 'bytes of a model');
    const { status, body } = await api.ask('POST', '/api/deployments', request);
    expect(status).toBe(expected);
    expect(body.error.message).toContain(named);
    expect((await api.ask('GET', '/api/deployments')).body).toEqual([]);
  });

  it.each([
    ['{', 'application/json', 400],
    ['name=digits', 'application/x-www-form-urlencoded', 415],
    [JSON.stringify({ padding: 'x'.repeat(2 ** 20) }), 'application/json', 413],
  ])('are rejected for a body that is not JSON or too large', async (payload, type, status) => {
    const answer = await api.ask('POST', '/api/deployments', payload, { 'content-type': type });
    expect(answer.status).toBe(status);
    expect(answer.body.error.message).toMatch(/\w+ \w+/);
  });

  it('have unique names, even if two are created at once', async () => {
    await api.upload('lenet5', 'bytes of a model');
    const answers = await Promise.all([
      api.ask('POST', '/api/deployments', DIGITS),
      api.ask('POST', '/api/deployments', DIGITS),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    expect((await api.ask('POST', '/api/deployments', DIGITS)).body.error.code).toBe('name-taken');
  });

  it('change single fields of their policy while they serve', async () => {
    await api.deployed();
    const { status, body } = await api.ask('PATCH', '/api/deployments/digits', { policy: { waitMs: 20 } });
    const policy = { waitMs: 20, verify: 'after', deadlineMs: 10_000 };
    const shown = { ...policy, rescue: 'data-plane', detectMs: null };
    expect({ status, policy: body.policy }).toEqual({ status: 200, policy: shown });
    expect(api.dataPlane.callsOf('set-policy')).toEqual([{ kind: 'set-policy', name: 'digits', policy }]);
    expect((await api.store.deployment('digits'))?.policy).toEqual(policy);
  });

  it.each([
    [{}, '"policy"'],
    [{ policy: {} }, 'at least one'],
    [{ policy: { deadlineMs: 1 } }, '"policy.deadlineMs"'],
    [{ policy: { rescue: 'later' } }, '"policy.rescue"'],
    [{ policy: { detectMs: 60_001 } }, '"policy.detectMs"'],
    [{ policy: { detectMS: 5 } }, 'The field "policy.detectMS" is unknown.'],
  ])('keep their policy after an invalid change: %j', async (change, named) => {
    await api.deployed();
    const { status, body } = await api.ask('PATCH', '/api/deployments/digits', change);
    expect(status).toBe(400);
    expect(body.error.message).toContain(named);
    expect(api.dataPlane.callsOf('set-policy')).toEqual([]);
  });

  it('are deleted from the data plane and the store', async () => {
    await api.deployed();
    expect((await api.ask('DELETE', '/api/deployments/digits')).status).toBe(204);
    expect(api.dataPlane.callsOf('undeploy')).toEqual([{ kind: 'undeploy', name: 'digits' }]);
    expect(await api.store.deployments()).toEqual([]);
    expect((await api.ask('DELETE', '/api/deployments/digits')).status).toBe(404);
    expect((await api.ask('POST', '/api/deployments', DIGITS)).status).toBe(202);
  });

  it('say that they are being deleted while accepted requests finish', async () => {
    await api.deployed();
    let finish = (): void => {};
    api.dataPlane.answers.undeploy = () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      });
    const deleted = api.ask('DELETE', '/api/deployments/digits');
    await api.deploymentIs('digits', 'deleting');
    const { body } = await api.ask('GET', '/api/deployments/digits');
    expect(body).toMatchObject({ state: 'deleting', progress: { fraction: 1, phase: 'done' } });
    expect(body.reason).toContain('Accepted requests finish first');
    const mirror = await api.ask('POST', '/api/deployments', {
      ...DIGITS,
      name: 'copy',
      mirrorOf: 'digits',
    });
    expect(mirror.status).toBe(400);
    finish();
    expect((await deleted).status).toBe(204);
    expect((await api.ask('GET', '/api/deployments/digits')).status).toBe(404);
    // The name is free, and the new deployment is not being deleted.
    await api.ask('POST', '/api/deployments', DIGITS);
    await api.deploymentIs('digits', 'distributing');
  });

  it('never reach the data plane if they are deleted during the preparation', async () => {
    await api.upload('lenet5', 'bytes of a model');
    api.modelBuilder.hold = true;
    await api.ask('POST', '/api/deployments', DIGITS);
    expect((await api.ask('DELETE', '/api/deployments/digits')).status).toBe(204);
    api.modelBuilder.release();
    await api.upload('another', 'the model builder has finished the first job');
    expect(api.dataPlane.callsOf('deploy')).toEqual([]);
    expect((await api.ask('GET', '/api/deployments')).body).toEqual([]);
  });

  it.each(['model-builder', 'data plane'] as const)('report why the %s rejects them', async (who) => {
    await api.upload('lenet5', 'bytes of a model');
    if (who === 'model-builder')
      api.modelBuilder.failures.build = new ApiError(507, 'disk-full', 'No room is left.');
    else api.dataPlane.answers.deploy = () => refuse(422, 'cannot-load', 'No room is left.');
    await api.ask('POST', '/api/deployments', DIGITS);
    await api.deploymentIs('digits', 'failed');
    expect((await api.ask('GET', '/api/deployments/digits')).body.reason).toBe('No room is left.');
    const [event] = (await api.ask('GET', '/api/events?level=error')).body;
    expect(event).toMatchObject({ kind: 'deployment-failed', deployment: 'digits' });
  });

  it.each([
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/load'],
    ['DELETE', '/load'],
    ['GET', '/latency'],
    ['DELETE', '/latency'],
    ['GET', '/arrivals'],
    ['GET', '/latency/history'],
    ['POST', '/infer'],
  ] as const)('that do not exist are reported: %s %s', async (method, path) => {
    const { status, body } = await api.ask(
      method,
      `/api/deployments/ghost${path}`,
      method === 'GET' ? undefined : {},
    );
    expect(status).toBe(404);
    expect(body.error.message).toContain('ghost');
  });
});

describe('load and latency', () => {
  it('come from the data plane', async () => {
    await api.deployed();
    api.dataPlane.answers['start-load'] = () => ({ running: true });
    api.dataPlane.answers['stop-load'] = () => ({ running: false });
    api.dataPlane.answers.latency = () => ({ deployment: 'digits' });
    const started = await api.ask('POST', '/api/deployments/digits/load', { mode: 'closed' });
    expect(started).toMatchObject({ status: 202, body: { running: true } });
    expect(api.dataPlane.callsOf('start-load')[0]?.load).toEqual({ mode: 'closed', concurrency: 8 });
    expect((await api.ask('DELETE', '/api/deployments/digits/load')).body).toEqual({ running: false });
    expect((await api.ask('GET', '/api/deployments/digits/latency')).body).toEqual({ deployment: 'digits' });
    api.dataPlane.answers.arrivals = () => ({ deployment: 'digits', devices: [] });
    expect((await api.ask('GET', '/api/deployments/digits/arrivals')).body.devices).toEqual([]);
    expect((await api.ask('DELETE', '/api/deployments/digits/latency')).status).toBe(204);
    expect((await api.ask('GET', '/api/deployments/digits/latency/history?limit=5')).body).toEqual([]);
  });

  it('accept a stop without a running load', async () => {
    await api.deployed();
    expect((await api.ask('DELETE', '/api/deployments/digits/load')).status).toBe(204);
  });

  it.each([
    [undefined, 'JSON object'],
    [{ mode: 'sideways' }, '"mode"'],
    [{ mode: 'closed', concurrency: 1000 }, '"concurrency"'],
    [{ mode: 'open' }, '"ratePerSecond"'],
    [{ mode: 'open', ratePerSecond: 0 }, 'The field "ratePerSecond" is invalid: it must be more than 0.'],
  ])('reject %j', async (load, named) => {
    await api.deployed();
    const { status, body } = await api.ask('POST', '/api/deployments/digits/load', load);
    expect(status).toBe(400);
    expect(body.error.message).toContain(named);
  });
});
