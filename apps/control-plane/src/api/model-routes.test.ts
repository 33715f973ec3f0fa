/** Models and plans, with a fake of the model builder. */
import { readdir } from 'node:fs/promises';
import { ApiError } from '@sparewheel/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digest, smallPlan, smallPlanned } from '../testing/records.ts';
import { TestApi } from '../testing/test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.close());

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
    expect(api.modelBuilder.jobs[0]).toMatchObject({
      kind: 'import-model',
      dimensions: { batch: 1, seq: 16 },
    });
    expect((await api.ask('GET', '/api/models')).body).toEqual([body]);
    expect((await api.ask('GET', '/api/models/lenet5')).body).toEqual(body);
    expect((await api.ask('DELETE', '/api/models/lenet5')).status).toBe(204);
    expect((await api.ask('GET', '/api/models/lenet5')).status).toBe(404);
    expect((await api.ask('DELETE', '/api/models/lenet5')).status).toBe(404);
  });

  it('with the same name and bytes are the same model; other bytes are rejected', async () => {
    await api.upload('lenet5', 'bytes of a model');
    expect((await api.upload('lenet5', 'bytes of a model')).status).toBe(200);
    expect((await api.upload('lenet5', 'BYTES OF A MODEL')).body.error.code).toBe('name-taken');
    expect((await api.upload('lenet5', 'fewer bytes')).status).toBe(409);
    expect((await api.upload('lenet5', 'bytes of a model', '&dims=batch:2')).status).toBe(409);
    expect(api.modelBuilder.jobs.filter(({ kind }) => kind === 'import-model')).toHaveLength(1);
  });

  it('with damaged files are repaired by the same upload, and not by one that gives other files', async () => {
    await api.upload('lenet5', 'bytes of a model');
    const record = await api.store.model('lenet5');
    api.modelBuilder.damaged.add(record!.canonical.graph.sha256);
    expect((await api.upload('lenet5', 'bytes of a model')).status).toBe(200);
    expect(api.modelBuilder.jobs.filter(({ kind }) => kind === 'import-model')).toHaveLength(2);
    expect((await api.events.query({ limit: 1 }))[0]).toMatchObject({ kind: 'model-repaired' });

    api.modelBuilder.imported = { graph: { sha256: digest('0'), bytes: 1 }, weights: null };
    const { status, body } = await api.upload('lenet5', 'bytes of a model');
    expect([status, body.error.code]).toEqual([409, 'not-repaired']);
  });

  it('with one name are added once, even if they arrive together', async () => {
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
  ])('with %s are rejected', async (_what, url, payload, named) => {
    const { status, body } = await api.ask('POST', url, payload, {
      'content-type': 'application/octet-stream',
    });
    expect(status).toBe(400);
    expect(body.error.message).toContain(named);
    expect(api.modelBuilder.jobs).toEqual([]);
  });

  it('may be larger than a JSON body', async () => {
    const { status, body } = await api.upload('big', Buffer.alloc(3 * 2 ** 20, 7));
    expect({ status, bytes: body.bytes }).toEqual({ status: 201, bytes: 3 * 2 ** 20 });
  });

  it('above the limit are rejected before they are read', async () => {
    const { status, body } = await api.ask('POST', '/api/models?name=x', 'x', {
      'content-type': 'application/octet-stream',
      'content-length': String(2 ** 31),
    });
    expect(status).toBe(413);
    expect(body.error.message).toContain('model is larger');
  });

  it('that the model builder rejects leave nothing behind', async () => {
    api.modelBuilder.failures['import-model'] = new ApiError(400, 'not-onnx', 'This is not an ONNX model.');
    const { status, body } = await api.upload('bad', 'hello');
    expect({ status, code: body.error.code }).toEqual({ status: 400, code: 'not-onnx' });
    expect((await api.ask('GET', '/api/models')).body).toEqual([]);
    expect(await readdir(api.scratch)).toEqual([]);
  });

  it('that crash the model builder are reported, and the next one is accepted', async () => {
    api.modelBuilder.hold = true;
    const answer = api.upload('huge', 'boom');
    while (api.modelBuilder.jobs.length === 0) await new Promise((resolve) => setImmediate(resolve));
    api.modelBuilder.crash('out of memory');
    expect((await answer).body.error).toMatchObject({
      code: 'model-builder-ended',
      message: expect.stringContaining('out of memory'),
    });
    api.modelBuilder.hold = false;
    expect((await api.upload('small', 'fine')).status).toBe(201);
  });

  it('of a deployment cannot be deleted', async () => {
    await api.deployed();
    const { status, body } = await api.ask('DELETE', '/api/models/lenet5');
    expect({ status, code: body.error.code }).toEqual({ status: 409, code: 'model-in-use' });
    expect(body.error.message).toContain('digits');
  });
});

describe('plans', () => {
  it('are created without effects on devices or deployments', async () => {
    await api.upload('lenet5', 'bytes of a model');
    const { status, body } = await api.ask('POST', '/api/plans', { model: 'lenet5', k: 2, r: 1 });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...smallPlan,
      devices: smallPlanned.seats,
      explanation: smallPlanned.explanation,
    });
    expect(api.modelBuilder.jobs.at(-1)).toMatchObject({
      kind: 'plan',
      choice: { k: 2, r: 1, strategy: 'coded', layers: 'auto', devices: { length: 4 } },
    });
    expect(api.dataPlane.callsOf('deploy')).toEqual([]);
    expect((await api.ask('GET', '/api/deployments')).body).toEqual([]);
  });

  it('are rejected with the planner’s reason', async () => {
    await api.upload('lenet5', 'bytes of a model');
    api.modelBuilder.failures.plan = new ApiError(400, 'too-few-devices', 'The plan needs 9 devices.');
    const { status, body } = await api.ask('POST', '/api/plans', { model: 'lenet5', k: 8, r: 1 });
    expect({ status, code: body.error.code }).toEqual({ status: 400, code: 'too-few-devices' });
  });
});
