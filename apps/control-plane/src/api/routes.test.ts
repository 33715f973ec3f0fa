/** Every route, with what is good and what is bad, over fakes of both worker threads. */

import { readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RequestFailure } from '../data-plane/request-failure.ts';
import { refuse } from '../testing/fake-data-plane.ts';
import { smallArtifacts, smallPlan, smallPlanned } from '../testing/records.ts';
import { TestApi, TOKENS } from '../testing/test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.close());

const good = { name: 'digits', model: 'lenet5', k: 2, r: 1, layers: 'all' };
async function deployed(): Promise<void> {
  await api.upload('lenet5', 'bytes of a model');
  expect((await api.ask('POST', '/api/deployments', good)).status).toBe(202);
  await api.deploymentIs('digits', 'distributing');
}

describe('devices', () => {
  it('are listed as the data plane reports them', async () => {
    const { status, body } = await api.ask('GET', '/api/devices');
    expect(status).toBe(200);
    expect(body.map(({ id }: { id: string }) => id)).toEqual([
      'device-0001',
      'device-0002',
      'device-0003',
      'device-0004',
    ]);
    expect((await api.ask('GET', '/api/devices/device-0002')).body.id).toBe('device-0002');
    expect((await api.ask('GET', '/api/devices/ghost')).status).toBe(404);
  });

  it.each([
    [{ kind: 'kill' }, { kind: 'kill' }],
    [
      { kind: 'delay', ms: 50 },
      { kind: 'delay', ms: 50, sigma: 0 },
    ],
    [{ kind: 'corrupt' }, { kind: 'corrupt', amount: 1, probability: 1 }],
    [{ kind: 'heal' }, { kind: 'heal' }],
  ])('suffer %j', async (given, fault) => {
    const answer = await api.ask('POST', '/api/devices/device-0001/faults', given);
    expect(answer).toMatchObject({ status: 202, body: { device: 'device-0001', fault } });
    expect(api.dataPlane.callsOf('fault')).toEqual([{ kind: 'fault', device: 'device-0001', fault }]);
  });

  it.each([
    [undefined, 'JSON object'],
    [{}, '"kind"'],
    [{ kind: 'explode' }, 'explode'],
    [{ kind: 'delay' }, '"ms"'],
    [{ kind: 'delay', ms: -1 }, 'at least 0'],
    [{ kind: 'slow', factor: 'very' }, '"factor"'],
    [{ kind: 'drop', probability: 2 }, 'at most 1'],
  ])('do not suffer %j', async (fault, named) => {
    const { status, body } = await api.ask('POST', '/api/devices/device-0001/faults', fault);
    expect(status).toBe(400);
    expect(body.error.message).toContain(named);
    expect(api.dataPlane.callsOf('fault')).toEqual([]);
  });

  it('are revived, and an empty JSON body is fine', async () => {
    const { status } = await api.ask('POST', '/api/devices/device-0001/revive', '', {
      'content-type': 'application/json',
    });
    expect(status).toBe(202);
    expect(api.dataPlane.callsOf('revive')).toEqual([{ kind: 'revive', device: 'device-0001' }]);
  });

  it('let the operator read the token that lets them in', async () => {
    expect((await api.ask('GET', '/api/join')).body).toEqual({ token: TOKENS.join });
  });

  it('that are not there get the data plane’s own answer', async () => {
    api.dataPlane.answers.fault = () => refuse(404, 'unknown-device', 'no such device');
    api.dataPlane.answers.revive = () => refuse(409, 'not-supervised', 'nobody can revive it');
    expect((await api.ask('POST', '/api/devices/ghost/faults', { kind: 'kill' })).status).toBe(404);
    expect((await api.ask('POST', '/api/devices/ghost/revive')).body.error.code).toBe('not-supervised');
  });
});

describe('models', () => {
  it('are uploaded, listed, shown and deleted', async () => {
    const { status, body } = await api.upload('lenet5', 'bytes of a model', '&dims=batch:1,seq:16');
    expect(status).toBe(201);
    expect(body).toMatchObject({
      name: 'lenet5',
      bytes: 16,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      inputs: [{ name: 'image' }],
      outputs: [{ name: 'logits' }],
      layers: [{ name: 'fc', codable: true }],
    });
    expect(body.canonical).toBeUndefined();
    expect(api.workshop.jobs[0]).toMatchObject({ kind: 'import-model', dimensions: { batch: 1, seq: 16 } });
    expect((await api.ask('GET', '/api/models')).body).toEqual([body]);
    expect((await api.ask('GET', '/api/models/lenet5')).body).toEqual(body);
    expect((await api.ask('DELETE', '/api/models/lenet5')).status).toBe(204);
    expect((await api.ask('GET', '/api/models/lenet5')).status).toBe(404);
    expect((await api.ask('DELETE', '/api/models/lenet5')).status).toBe(404);
  });

  it('with the same bytes are the same model, with others the name is taken', async () => {
    await api.upload('lenet5', 'bytes of a model');
    expect((await api.upload('lenet5', 'bytes of a model')).status).toBe(200);
    expect((await api.upload('lenet5', 'BYTES OF A MODEL')).body.error.code).toBe('name-taken');
    expect((await api.upload('lenet5', 'fewer bytes')).status).toBe(409);
    expect((await api.upload('lenet5', 'bytes of a model', '&dims=batch:2')).status).toBe(409);
    expect(api.workshop.jobs.filter(({ kind }) => kind === 'import-model')).toHaveLength(1);
  });

  it('of one name that come together are taken in once', async () => {
    const answers = await Promise.all([api.upload('lenet5', 'one'), api.upload('lenet5', 'two')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it.each([
    ['no name', '/api/models', 'x', '"name"'],
    ['a name that is a path', '/api/models?name=..%2Fetc', 'x', '"name"'],
    ['a long name', `/api/models?name=${'x'.repeat(101)}`, 'x', '100 characters'],
    ['sizes of the wrong form', '/api/models?name=x&dims=batch', 'x', '"batch"'],
    ['a size of zero', '/api/models?name=x&dims=batch:0', 'x', 'at least 1'],
    ['no body', '/api/models?name=x', '', 'no body'],
  ])('with %s are refused', async (_what, url, payload, named) => {
    const { status, body } = await api.ask('POST', url, payload, {
      'content-type': 'application/octet-stream',
    });
    expect(status).toBe(400);
    expect(body.error.message).toContain(named);
    expect(api.workshop.jobs).toEqual([]);
  });

  it('may be larger than a JSON body', async () => {
    const { status, body } = await api.upload('big', Buffer.alloc(3 * 2 ** 20, 7));
    expect({ status, bytes: body.bytes }).toEqual({ status: 201, bytes: 3 * 2 ** 20 });
  });

  it('larger than the limit are refused before they are read', async () => {
    const { status, body } = await api.ask('POST', '/api/models?name=x', 'x', {
      'content-type': 'application/octet-stream',
      'content-length': String(2 ** 31),
    });
    expect(status).toBe(413);
    expect(body.error.message).toContain('model is larger');
  });

  it('that the workshop rejects leave nothing behind', async () => {
    api.workshop.failures['import-model'] = new RequestFailure(400, 'not-onnx', 'This is not an ONNX model.');
    const { status, body } = await api.upload('bad', 'hello');
    expect({ status, code: body.error.code }).toEqual({ status: 400, code: 'not-onnx' });
    expect((await api.ask('GET', '/api/models')).body).toEqual([]);
    expect(await readdir(api.scratch)).toEqual([]);
  });

  it('that bring the workshop down are told so, and the next one is taken', async () => {
    api.workshop.hold = true;
    const answer = api.upload('huge', 'boom');
    while (api.workshop.jobs.length === 0) await new Promise((resolve) => setImmediate(resolve));
    api.workshop.crash('out of memory');
    expect((await answer).body.error).toMatchObject({
      code: 'workshop-ended',
      message: expect.stringContaining('out of memory'),
    });
    api.workshop.hold = false;
    expect((await api.upload('small', 'fine')).status).toBe(201);
  });

  it('that a deployment uses stay', async () => {
    await deployed();
    const { status, body } = await api.ask('DELETE', '/api/models/lenet5');
    expect({ status, code: body.error.code }).toEqual({ status: 409, code: 'model-in-use' });
    expect(body.error.message).toContain('digits');
  });
});

describe('plans', () => {
  it('are made without touching a device or leaving a trace', async () => {
    await api.upload('lenet5', 'bytes of a model');
    const { status, body } = await api.ask('POST', '/api/plans', { model: 'lenet5', k: 2, r: 1 });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...smallPlan,
      devices: smallPlanned.seats,
      explanation: smallPlanned.explanation,
    });
    expect(api.workshop.jobs.at(-1)).toMatchObject({
      kind: 'plan',
      choice: { k: 2, r: 1, strategy: 'coded', layers: 'auto', devices: { length: 4 } },
    });
    expect(api.dataPlane.calls).toEqual([]);
    expect((await api.ask('GET', '/api/deployments')).body).toEqual([]);
  });

  it('are refused with the planner’s reason', async () => {
    await api.upload('lenet5', 'bytes of a model');
    api.workshop.failures.plan = new RequestFailure(400, 'too-few-devices', 'The plan needs 9 devices.');
    const { status, body } = await api.ask('POST', '/api/plans', { model: 'lenet5', k: 8, r: 1 });
    expect({ status, code: body.error.code }).toEqual({ status: 400, code: 'too-few-devices' });
  });
});

describe('deployments', () => {
  it('go from preparing to the data plane', async () => {
    await api.upload('lenet5', 'bytes of a model');
    api.workshop.hold = true;
    const { status, body, headers } = await api.ask('POST', '/api/deployments', good);
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
    api.workshop.release();
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

  it('sit on the devices that were named, in their order', async () => {
    await api.upload('lenet5', 'bytes of a model');
    const devices = ['device-0003', 'device-0001', 'device-0002'];
    expect((await api.ask('POST', '/api/deployments', { ...good, devices })).status).toBe(202);
    await api.deploymentIs('digits', 'distributing');
    expect(api.dataPlane.callsOf('deploy')[0]?.deployment.seats).toEqual(devices);
  });

  it.each([
    [undefined, 400, 'JSON object'],
    [[], 400, 'JSON object'],
    [{ model: 'lenet5' }, 400, '"name"'],
    [{ ...good, name: 'a/b' }, 400, '"name"'],
    [{ ...good, model: 'ghost' }, 404, 'ghost'],
    [{ ...good, k: 0 }, 400, '"k"'],
    [{ ...good, k: 2.5 }, 400, '"k"'],
    [{ ...good, r: -1 }, 400, '"r"'],
    [{ ...good, strategy: 'magic' }, 400, '"strategy"'],
    [{ ...good, layers: 'most' }, 400, '"layers"'],
    [{ ...good, layers: [] }, 400, '"layers"'],
    [{ ...good, policy: { waitMs: -5 } }, 400, '"policy.waitMs"'],
    [{ ...good, policy: { verify: 'never' } }, 400, '"policy.verify"'],
    [{ ...good, devices: ['ghost'] }, 400, 'ghost'],
    [{ ...good, devices: ['device-0001', 'device-0001', 'device-0002'] }, 400, 'twice'],
  ])('are refused for %j', async (request, expected, named) => {
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
  ])('are refused for a body that is not JSON or too large', async (payload, type, status) => {
    const answer = await api.ask('POST', '/api/deployments', payload, { 'content-type': type });
    expect(answer.status).toBe(status);
    expect(answer.body.error.message).toMatch(/\w+ \w+/);
  });

  it('have names of their own, whoever asks first', async () => {
    await api.upload('lenet5', 'bytes of a model');
    const answers = await Promise.all([
      api.ask('POST', '/api/deployments', good),
      api.ask('POST', '/api/deployments', good),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    expect((await api.ask('POST', '/api/deployments', good)).body.error.code).toBe('name-taken');
  });

  it('change their policy while they serve, one field at a time', async () => {
    await deployed();
    const { status, body } = await api.ask('PATCH', '/api/deployments/digits', { policy: { waitMs: 20 } });
    const policy = { waitMs: 20, verify: 'after', deadlineMs: 10_000 };
    expect({ status, policy: body.policy }).toEqual({ status: 200, policy });
    expect(api.dataPlane.callsOf('set-policy')).toEqual([{ kind: 'set-policy', name: 'digits', policy }]);
    expect((await api.store.deployment('digits'))?.policy).toEqual(policy);
  });

  it.each([
    [{}, '"policy"'],
    [{ policy: {} }, 'at least one'],
    [{ policy: { deadlineMs: 1 } }, '"policy.deadlineMs"'],
  ])('keep their policy for %j', async (change, named) => {
    await deployed();
    const { status, body } = await api.ask('PATCH', '/api/deployments/digits', change);
    expect(status).toBe(400);
    expect(body.error.message).toContain(named);
    expect(api.dataPlane.callsOf('set-policy')).toEqual([]);
  });

  it('are deleted from the data plane and the store', async () => {
    await deployed();
    expect((await api.ask('DELETE', '/api/deployments/digits')).status).toBe(204);
    expect(api.dataPlane.callsOf('undeploy')).toEqual([{ kind: 'undeploy', name: 'digits' }]);
    expect(await api.store.deployments()).toEqual([]);
    expect((await api.ask('DELETE', '/api/deployments/digits')).status).toBe(404);
    expect((await api.ask('POST', '/api/deployments', good)).status).toBe(202);
  });

  it('deleted while they are prepared never reach the data plane', async () => {
    await api.upload('lenet5', 'bytes of a model');
    api.workshop.hold = true;
    await api.ask('POST', '/api/deployments', good);
    expect((await api.ask('DELETE', '/api/deployments/digits')).status).toBe(204);
    api.workshop.release();
    await api.upload('another', 'so that the workshop has been through with it');
    expect(api.dataPlane.calls).toEqual([]);
    expect((await api.ask('GET', '/api/deployments')).body).toEqual([]);
  });

  it.each(['workshop', 'data plane'] as const)('that the %s refuses say why', async (who) => {
    await api.upload('lenet5', 'bytes of a model');
    if (who === 'workshop')
      api.workshop.failures.build = new RequestFailure(507, 'disk-full', 'No room is left.');
    else api.dataPlane.answers.deploy = () => refuse(422, 'cannot-load', 'No room is left.');
    await api.ask('POST', '/api/deployments', good);
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
  ] as const)('that are not there: %s %s', async (method, path) => {
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
  it('are the data plane’s', async () => {
    await deployed();
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

  it('stopped where nothing ran is no error', async () => {
    await deployed();
    expect((await api.ask('DELETE', '/api/deployments/digits/load')).status).toBe(204);
  });

  it.each([
    [undefined, 'JSON object'],
    [{ mode: 'sideways' }, '"mode"'],
    [{ mode: 'closed', concurrency: 1000 }, '"concurrency"'],
    [{ mode: 'open' }, '"ratePerSecond"'],
    [{ mode: 'open', ratePerSecond: 0 }, '"ratePerSecond"'],
  ])('refuse %j', async (load, named) => {
    await deployed();
    const { status, body } = await api.ask('POST', '/api/deployments/digits/load', load);
    expect(status).toBe(400);
    expect(body.error.message).toContain(named);
  });
});

describe('events', () => {
  it('are given newest first, by page and by filter', async () => {
    await deployed();
    const { body } = await api.ask('GET', '/api/events');
    expect(body.map(({ kind }: { kind: string }) => kind)).toEqual(['deployment-created', 'model-uploaded']);
    const older = await api.ask('GET', `/api/events?before=${body[0].id}&limit=1`);
    expect(older.body).toEqual([body[1]]);
    expect((await api.ask('GET', '/api/events?deployment=digits')).body).toEqual([body[0]]);
    expect((await api.ask('GET', '/api/events?device=device-0001')).body).toEqual([]);
  });

  it.each(['limit=0', 'limit=many', 'limit=5000', 'before=-1', 'level=loud', 'device='])(
    'refuse ?%s',
    async (query) => {
      const { status, body } = await api.ask('GET', `/api/events?${query}`);
      expect(status).toBe(400);
      expect(body.error.message).toContain(`"${query.split('=')[0]}"`);
    },
  );
});

describe('metrics', () => {
  it('are in Prometheus’ text format', async () => {
    await deployed();
    const { status, body, headers } = await api.ask('GET', '/api/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toContain('text/plain');
    expect(body).toContain('sparewheel_devices{state="ready"} 4');
    expect(body).toContain('sparewheel_deployment_state{deployment="digits",state="distributing"} 1');
  });
});

describe('while the data plane is away', () => {
  it('what needs it says when to ask again, and the rest goes on', async () => {
    await deployed();
    api.dataPlane.crash('it fell over');
    for (const [method, path] of [
      ['POST', '/api/devices/device-0001/revive'],
      ['GET', '/api/deployments/digits/latency'],
      ['GET', '/api/deployments/digits/arrivals'],
      ['POST', '/api/deployments/digits/infer'],
    ] as const) {
      const { status, headers, body } = await api.ask(method, path);
      expect({ status, code: body.error.code }).toEqual({ status: 503, code: 'data-plane-starting' });
      expect(headers['retry-after']).toBe('1');
    }
    expect((await api.ask('PATCH', '/api/deployments/digits', { policy: { verify: 'off' } })).status).toBe(
      200,
    );
    expect((await api.ask('GET', '/api/deployments/digits')).body).toMatchObject({ state: 'unavailable' });
    expect((await api.ask('DELETE', '/api/deployments/digits')).status).toBe(204);
  });
});

describe('inference through the control plane', () => {
  it('passes body, headers and answer on, as the operator', async () => {
    const seen: {
      url?: string | undefined;
      authorization?: string | undefined;
      length?: unknown;
      body: string;
    }[] = [];
    const upstream = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        const { authorization, 'inference-header-content-length': length } = request.headers;
        seen.push({ url: request.url, authorization, length, body });
        response
          .writeHead(429, {
            'content-type': 'application/octet-stream',
            'inference-header-content-length': '7',
            server: 'x',
          })
          .end(Buffer.from([1, 2, 255]));
      });
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    await api.close();
    api = await TestApi.start({ port: (upstream.address() as AddressInfo).port });
    await deployed();
    const response = await api.app.inject({
      method: 'POST',
      url: '/api/deployments/digits/infer',
      headers: {
        authorization: `Bearer ${TOKENS.operator}`,
        'content-type': 'application/octet-stream',
        'inference-header-content-length': '2',
      },
      payload: '{}binary',
    });
    upstream.close();
    upstream.closeAllConnections();
    expect(seen).toEqual([
      {
        url: '/v2/models/digits/infer',
        authorization: `Bearer ${TOKENS.operator}`,
        length: '2',
        body: '{}binary',
      },
    ]);
    expect(response.statusCode).toBe(429);
    expect(response.headers['inference-header-content-length']).toBe('7');
    expect(response.headers.server).toBeUndefined();
    expect([...response.rawPayload]).toEqual([1, 2, 255]);
  });
});
