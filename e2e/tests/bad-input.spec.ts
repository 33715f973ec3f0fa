/** Invalid input to every interface: an error in one format, and the service keeps working. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import type { ErrorBody } from '@sparewheel/protocol';
import { inferBinary, inferJson } from '../src/inference.ts';
import type { Product } from '../src/product.ts';
import { digitInput, lenet5File, sampleImages } from '../src/reference.ts';
import { sharedProduct } from '../src/shared.ts';

let product: Product;
sharedProduct((started) => {
  product = started;
});

const lenet5 = readFileSync(lenet5File);
const upload = (name: string, bytes: Uint8Array) =>
  product.api<ErrorBody>(`/api/models?name=${encodeURIComponent(name)}`, {
    method: 'POST',
    body: bytes as Uint8Array<ArrayBuffer>,
    headers: { 'content-type': 'application/octet-stream' },
  });
const deploy = (json: object) => product.api<ErrorBody>('/api/deployments', { method: 'POST', json });

const apiCases: { title: string; status: number; ask: () => Promise<{ status: number; body: ErrorBody }> }[] =
  [
    {
      title: 'a file that is not ONNX',
      status: 400,
      ask: () => upload('nonsense', new TextEncoder().encode('hello, I am not a model')),
    },
    {
      title: 'a truncated model',
      status: 400,
      ask: () => upload('truncated', lenet5.subarray(0, lenet5.length >> 1)),
    },
    { title: 'an empty upload', status: 400, ask: () => upload('empty', new Uint8Array()) },
    { title: 'a model name that is a path', status: 400, ask: () => upload('../etc', lenet5) },
    {
      title: 'a model name that is taken',
      status: 409,
      ask: () => upload('lenet5', lenet5.subarray(0, lenet5.length - 1)),
    },
    {
      title: 'an unknown model',
      status: 404,
      ask: () => deploy({ name: 'ghost', model: 'ghost', k: 2, r: 1, layers: 'all' }),
    },
    {
      title: 'a deployment name that is taken',
      status: 409,
      ask: () => deploy({ name: 'lenet5', model: 'lenet5', k: 4, r: 1, layers: 'all' }),
    },
    {
      title: 'k below one',
      status: 400,
      ask: () => deploy({ name: 'zero', model: 'lenet5', k: 0, r: 1, layers: 'all' }),
    },
    {
      title: 'more devices than the fleet has',
      status: 400,
      ask: () => deploy({ name: 'wide', model: 'lenet5', k: 6, r: 3, layers: 'all' }),
    },
    {
      title: 'an unknown layer',
      status: 400,
      ask: () => deploy({ name: 'layer', model: 'lenet5', k: 2, r: 1, layers: ['no-such-layer'] }),
    },
    { title: 'an unknown deployment', status: 404, ask: () => product.api('/api/deployments/ghost') },
    {
      title: 'an unknown device',
      status: 404,
      ask: () => product.api('/api/devices/ghost-device/faults', { method: 'POST', json: { kind: 'kill' } }),
    },
    { title: 'an unknown path', status: 404, ask: () => product.api('/api/nothing-here') },
    {
      title: 'a body that is not JSON',
      status: 400,
      ask: () =>
        product.api('/api/deployments', {
          method: 'POST',
          body: '{',
          headers: { 'content-type': 'application/json' },
        }),
    },
    { title: 'no token', status: 401, ask: () => product.api('/api/devices', { token: null }) },
    { title: 'a wrong token', status: 401, ask: () => product.api('/api/devices', { token: 'wrong' }) },
    {
      title: 'the token of another role',
      status: 403,
      ask: () => product.api('/api/devices', { token: product.tokens.infer }),
    },
  ];

for (const { title, status, ask } of apiCases) {
  test(`${title} gets ${status} and a message`, async () => {
    const answer = await ask();
    expect(answer.body).toMatchObject({
      error: { code: expect.any(String), message: expect.stringMatching(/\w+ \w+/) },
    });
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.body)).not.toMatch(/\bat .*:\d+:\d+/);
  });
}

test('inference with a wrong name, shape, length or a NaN gets 400 and a message', async () => {
  const { pixels } = sampleImages()[0]!;
  const good = digitInput(pixels);
  const wrong = [
    { ...good, name: 'picture' },
    { ...good, dims: [1, 1, 28, 27], data: pixels.slice(0, 756) },
    { ...good, data: pixels.slice(1) },
    { ...good, data: pixels.map((value, index) => (index === 5 ? Number.NaN : value)) },
  ];
  for (const input of wrong) {
    const answer = await inferBinary(product, 'lenet5', input);
    expect(answer.status).toBe(400);
    expect(answer.error).toMatchObject({
      code: expect.any(String),
      message: expect.stringMatching(/\w+ \w+/),
    });
  }
  expect((await inferJson(product, 'nowhere', good)).status).toBe(404);
  expect((await inferJson(product, 'lenet5', good)).status).toBe(200);
});

test('inference needs the inference token', async () => {
  const ask = (token: string | null) =>
    fetch(`${product.dataUrl}/v2/models/lenet5`, {
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
    });
  expect((await ask(null)).status).toBe(401);
  expect((await ask('wrong')).status).toBe(401);
  expect((await ask(product.tokens.join)).status).toBe(403);
  expect((await ask(product.tokens.infer)).status).toBe(200);
});

test('the rejected requests leave no model and no deployment behind', async () => {
  const models = await product.api<{ name: string }[]>('/api/models');
  expect(models.body.map(({ name }) => name)).toEqual(['lenet5']);
  const deployments = await product.api<{ name: string }[]>('/api/deployments');
  expect(deployments.body.map(({ name }) => name)).toEqual(['lenet5']);
});
