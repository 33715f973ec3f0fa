/** Every error of the inference port has one form, also those that no route raises. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HALVES_TOKENS, HalvesServer } from '../testing/halves-server.ts';
import { send } from '../testing/v2-client.ts';

let server: HalvesServer;
let port: number;
beforeAll(async () => {
  server = new HalvesServer();
  port = await server.listen();
});
afterAll(() => server.close());

const token = HALVES_TOKENS.inferToken;
/** Sends bytes as they are, and returns the whole answer. */
async function sendRaw(request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.end(request);
  return text(socket);
}
const FORM = { error: expect.stringMatching(/\w+ \w+/), code: expect.stringMatching(/^[a-z-]+$/) };

describe('an error has a string, a code and perhaps a hint', () => {
  it.each([
    ['GET', '/v2/models/%zz', 400, 'bad-address'],
    ['GET', '/v2/models/%E0%A4%A', 400, 'bad-address'],
    ['GET', `/v2/models/${'x'.repeat(101)}`, 414, 'bad-address'],
    ['GET', '/v2/nothing', 404, 'not-found'],
    ['POST', '/v2/nothing', 404, 'not-found'],
    ['GET', '/', 404, 'not-found'],
    ['GET', '/v2/models', 404, 'not-found'],
    ['GET', '/v2/models/none', 404, 'unknown-model'],
    ['POST', '/v2/models/none/infer', 404, 'unknown-model'],
    ['POST', '/v2/models/halves/infer', 400, 'invalid-json'],
    ['DELETE', '/v2/models/halves', 405, 'method-not-allowed'],
  ])('%s %s', async (method, path, status, code) => {
    const answer = await send(port, method, path, { token });
    expect([answer.status, answer.json()]).toEqual([status, { ...FORM, code, ...hintOf(answer.json()) }]);
    expect(answer.headers['content-type']).toContain('application/json');
  });

  it('for invalid HTTP', async () => {
    const [head = '', body = ''] = (await sendRaw('GET\r\n\r\n')).split('\r\n\r\n');
    expect(head).toContain('HTTP/1.1 400');
    expect(JSON.parse(body)).toEqual({ ...FORM, code: 'invalid-http' });
  });

  it('for headers that are too large', async () => {
    const [head = '', body = ''] = (
      await sendRaw(`GET /v2 HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`)
    ).split('\r\n\r\n');
    expect(head).toContain('HTTP/1.1 431');
    expect(JSON.parse(body)).toEqual({ ...FORM, code: 'headers-too-large' });
  });

  it('with the scheme for a missing token', async () => {
    const answer = await send(port, 'GET', '/v2');
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer realm="sparewheel"']);
  });
});

describe('a wrong method', () => {
  it.each([
    ['GET', '/v2/models/halves/infer', 'POST'],
    ['POST', '/v2', 'GET, HEAD'],
    ['PUT', '/v2/health/live/', 'GET, HEAD'],
    ['DELETE', '/v2/models/halves/versions/1/infer?x=1', 'POST'],
    ['PROPFIND', '/v2/models/halves/ready', 'GET, HEAD'],
    ['OPTIONS', '/v2/models/halves/infer', 'POST'],
  ])('%s %s gets 405 and the methods of the path', async (method, path, allow) => {
    const answer = await send(port, method, path, { token });
    expect([answer.status, answer.headers.allow]).toEqual([405, allow]);
  });

  it('is rejected before its body is read', async () => {
    const answer = await send(port, 'PUT', '/v2/models/halves/infer', { token, body: 'x'.repeat(100_000) });
    expect(answer.status).toBe(405);
  });
});

it.each(['/v2/', '/v2/health/live/', '/v2/models/halves/', '/v2/models/halves/versions/1/ready/'])(
  '%s is accepted with a trailing slash',
  async (path) => {
    expect((await send(port, 'GET', path, { token })).status).toBe(200);
  },
);

function hintOf({ hint }: { hint?: string }): object {
  return hint === undefined ? {} : { hint: expect.stringMatching(/\w+ \w+/) };
}
