/** Access to every route, and the form of rejections. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, TOKENS } from '../testing/test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.close());

const ROUTES = [
  ['GET', '/api/devices'],
  ['GET', '/api/devices/device-0001'],
  ['POST', '/api/devices/device-0001/faults'],
  ['POST', '/api/devices/device-0001/revive'],
  ['GET', '/api/models'],
  ['POST', '/api/models?name=x'],
  ['GET', '/api/models/x'],
  ['DELETE', '/api/models/x'],
  ['POST', '/api/plans'],
  ['GET', '/api/deployments'],
  ['POST', '/api/deployments'],
  ['GET', '/api/deployments/x'],
  ['PATCH', '/api/deployments/x'],
  ['DELETE', '/api/deployments/x'],
  ['POST', '/api/deployments/x/load'],
  ['DELETE', '/api/deployments/x/load'],
  ['GET', '/api/deployments/x/latency'],
  ['DELETE', '/api/deployments/x/latency'],
  ['GET', '/api/deployments/x/latency/history'],
  ['POST', '/api/deployments/x/infer'],
  ['GET', '/api/join'],
  ['GET', '/api/events'],
  ['GET', '/api/metrics'],
  ['GET', '/api/nothing-here'],
] as const;

describe.each(ROUTES)('%s %s', (method, url) => {
  it.each([
    ['no token', {}, 401],
    ['a wrong token', { authorization: 'Bearer wrong' }, 401],
    ['another scheme', { authorization: `Basic ${TOKENS.operator}` }, 401],
    ['a wrong cookie', { cookie: 'sparewheel_session_3000=wrong' }, 401],
    ['the join token', { authorization: `Bearer ${TOKENS.join}` }, 403],
    ['the inference token', { authorization: `Bearer ${TOKENS.infer}` }, 403],
  ])('rejects %s', async (_what, headers, status) => {
    const response = await api.app.inject({ method, url, headers });
    expect(response.statusCode).toBe(status);
    expect(response.json().error).toMatchObject({ code: expect.any(String), message: expect.any(String) });
    expect(response.headers['www-authenticate'] !== undefined).toBe(status === 401);
  });
});

describe('the metrics token', () => {
  const ask = (method: (typeof ROUTES)[number][0], url: string) =>
    api.app.inject({ method, url, headers: { authorization: `Bearer ${TOKENS.metrics}` } });

  it('reads the metrics', async () => {
    for (const url of ['/api/metrics', '/api/metrics/']) expect((await ask('GET', url)).statusCode).toBe(200);
  });

  it('opens nothing else', async () => {
    for (const url of ['/api/metrics/x', '/api/metricsx', '/api//metrics', '/api/%6Detrics/../devices'])
      expect((await ask('GET', url)).statusCode).not.toBe(200);
    expect((await ask('POST', '/api/metrics')).statusCode).toBe(403);
    for (const [method, url] of ROUTES) {
      if (url !== '/api/metrics') expect((await ask(method, url)).statusCode, url).toBe(403);
    }
  });
});

describe('the dashboard’s cookie', () => {
  const signIn = (token: unknown, headers = {}) =>
    api.app.inject({ method: 'POST', url: '/api/session', payload: { token }, headers });

  it('is set for the operator’s token, is hidden from scripts and other sites, and does not contain the token', async () => {
    const response = await signIn(TOKENS.operator, { origin: 'http://localhost', host: 'localhost' });
    expect(response.json()).toEqual({ role: 'operator' });
    const cookie = String(response.headers['set-cookie']);
    expect(cookie).toMatch(/^sparewheel_session_3000=[0-9a-f]{64};/);
    expect(cookie).toContain('HttpOnly');
    expect(cookie).toContain('SameSite=Strict');
    expect(cookie).not.toContain(TOKENS.operator);
  });

  it.each([
    ['an unknown token', 'wrong', 401],
    ['the join token', TOKENS.join, 403],
    ['the inference token', TOKENS.infer, 403],
    ['the metrics token', TOKENS.metrics, 403],
    ['no token', undefined, 400],
    ['a number', 5, 400],
  ])('is not set for %s', async (_what, token, status) => {
    const response = await signIn(token);
    expect(response.statusCode).toBe(status);
    expect(response.headers['set-cookie']).toBeUndefined();
  });

  it('is not set for another site', async () => {
    const response = await signIn(TOKENS.operator, { origin: 'http://evil.example', host: 'localhost:3000' });
    expect(response.statusCode).toBe(403);
  });

  it('allows reading, and changes from our own pages only', async () => {
    const [cookie] = api.authentication.sessionCookie().split(';');
    const change = (headers: Record<string, string>) =>
      api.app.inject({
        method: 'POST',
        url: '/api/devices/device-0001/revive',
        headers: { cookie: `other=1; ${cookie}`, host: 'localhost:3000', ...headers },
      });
    const read = await api.app.inject({ url: '/api/devices', headers: { cookie: cookie ?? '' } });
    expect(read.statusCode).toBe(200);
    expect((await change({ origin: 'http://localhost:3000' })).statusCode).toBe(202);
    expect((await change({ origin: 'https://localhost:3000' })).statusCode).toBe(202);
    expect((await change({})).statusCode).toBe(403);
    expect((await change({ origin: 'http://localhost:4000' })).statusCode).toBe(403);
    expect((await change({ origin: 'null' })).statusCode).toBe(403);
  });

  it('shows the session, and is removed by signing out', async () => {
    const [cookie] = api.authentication.sessionCookie().split(';');
    const asked = await api.app.inject({ url: '/api/session', headers: { cookie: cookie ?? '' } });
    expect(asked.json()).toEqual({ role: 'operator' });
    expect((await api.app.inject({ url: '/api/session' })).statusCode).toBe(401);
    const out = await api.app.inject({ method: 'DELETE', url: '/api/session' });
    expect(out.statusCode).toBe(204);
    expect(String(out.headers['set-cookie'])).toContain('Max-Age=0');
  });
});

describe('health', () => {
  it('is public, with process details for the operator', async () => {
    const withoutToken = await api.app.inject({ url: '/api/health' });
    expect(withoutToken.json()).toEqual({ status: 'ok', dataPlane: { listening: true } });
    expect((await api.ask('GET', '/api/health')).body).toMatchObject({
      status: 'ok',
      processId: process.pid,
    });
  });
});

describe('a wrong method', () => {
  it.each([
    ['PUT', '/api/devices', 'GET'],
    ['POST', '/api/deployments/x', 'GET, PATCH, DELETE'],
    ['GET', '/api/plans/', 'POST'],
    ['HEAD', '/api/health', 'GET'],
  ] as const)('%s %s gets 405 and the methods of the path', async (method, url, allow) => {
    const headers = { authorization: `Bearer ${TOKENS.operator}` };
    const { statusCode, headers: answered } = await api.app.inject({ method, url, headers });
    expect([statusCode, answered.allow]).toEqual([405, allow]);
  });
});

describe('an unknown path', () => {
  it.each(['/api', '/api/', '/api/nothing', '/api/devices/a/b/c', '/api/deployments/%E0%A4%A'])(
    '%s is reported in JSON',
    async (url) => {
      const { status, body } = await api.ask('GET', url);
      expect([400, 404]).toContain(status);
      expect(body.error.message).toMatch(/\w+ \w+/);
    },
  );
});
