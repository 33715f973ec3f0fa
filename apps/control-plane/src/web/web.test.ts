/** The port for browsers, over real sockets: pages, API and live channel. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { deviceView } from '@sparewheel/data-plane-client/testing';
import type { JoinedSeatView } from '@sparewheel/protocol';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentPackages } from '../agent-packages/agent-packages.ts';
import { LiveViews } from '../live-views.ts';
import { repositoryRoot } from '../repository.ts';
import { TestApi, TOKENS } from '../testing/test-api.ts';
import { UiPush, type UiPushParts } from './ui-push.ts';
import { createWebServer } from './web-server.ts';

const SEAT: JoinedSeatView = { deployment: 'digits', seat: 1, role: 'data', layers: [] };

let api: TestApi;
let server: Server;
let parts: UiPushParts;
let ui: UiPush;
let live: LiveViews;
let url: string;
let cookie: string;
let packages: string;
const sockets: Socket[] = [];

beforeEach(async () => {
  api = await TestApi.start();
  packages = await mkdtemp(join(tmpdir(), 'sparewheel-packages-'));
  const { authentication, app } = api;
  server = createWebServer(
    Promise.resolve({
      authentication,
      api: (request, response) => app.routing(request, response),
      pages: (request, response) => response.end(`page ${request.url}`),
      dataPlaneUrl: (hostname) => `http://${hostname}:3001`,
      joinedSeats: (device) => (device === 'tab-1' ? [SEAT] : []),
      agentPackages: new AgentPackages(repositoryRoot(), packages),
      installer: join(repositoryRoot(), 'deploy', 'agent', 'install.sh'),
      isConnected: (device) => device === 'pi-1',
    }),
  );
  live = new LiveViews();
  parts = {
    live,
    deployments: () => api.deployments.views(),
    models: async () => [],
    events: api.events,
    startedAt: '2026-11-23T10:00:00.000Z',
    authentication,
    inferenceUrl: (hostname) => `http://${hostname}:3001`,
    grpcAddress: (hostname) => `${hostname}:3002`,
  };
  ui = new UiPush(server, parts);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  cookie = authentication.sessionCookie().split(';')[0] ?? '';
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  await ui.close();
  server.close();
  server.closeAllConnections();
  await api.close();
  await rm(packages, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${url}${path}`, { headers, redirect: 'manual' });

it('answers invalid HTTP in the form of the admin API', async () => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  socket.end('GET\r\n\r\n');
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  expect(head).toContain('HTTP/1.1 400');
  expect(JSON.parse(body).error).toMatchObject({ code: 'invalid-http', message: expect.any(String) });
});

describe('pages', () => {
  it('need a session, except the sign-in page and its files', async () => {
    const refused = await get('/events');
    expect({ status: refused.status, to: refused.headers.get('location') }).toEqual({
      status: 303,
      to: '/sign-in',
    });
    for (const path of ['/sign-in', '/_next/static/x.js', '/icon.svg']) {
      expect(await (await get(path)).text()).toBe(`page ${path}`);
    }
    expect(await (await get('/events', { cookie })).text()).toBe('page /events');
  });

  it('cannot be framed by another site', async () => {
    const { headers } = await get('/sign-in');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });

  it('open with the printed address, and the token disappears from the address', async () => {
    const response = await get(`/?token=${TOKENS.operator}&tab=fleet`);
    expect({ status: response.status, to: response.headers.get('location') }).toEqual({
      status: 303,
      to: '/?tab=fleet',
    });
    expect(response.headers.get('set-cookie')).toContain('HttpOnly');
    expect((await get('/', { cookie: response.headers.get('set-cookie')?.split(';')[0] ?? '' })).status).toBe(
      200,
    );
  });

  it.each([
    ['a wrong token', '/?token=wrong', '/sign-in?reason=unknown-token'],
    ['another role’s token', `/?token=${TOKENS.join}`, '/sign-in?reason=wrong-role'],
    ['an address of another host', `//evil.example/?token=${TOKENS.operator}`, '/evil.example/'],
  ])('with %s lead to %s', async (_what, path, to) => {
    expect((await get(path)).headers.get('location')).toBe(to);
  });

  it('do not shadow the API', async () => {
    const answer = await get('/api/devices');
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ error: { code: 'unauthorized' } });
    expect((await get('/apiary', { cookie })).status).toBe(200);
  });
});

describe('installing an agent', () => {
  const authorization = `Bearer ${TOKENS.join}`;

  /** Sends a Host header, which `fetch` does not allow. */
  const installer = async (headers: Record<string, string>) => {
    const sent = request(`${url}/join/install.sh`, { headers }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode, script: await text(response) };
  };

  it('begins with a script that has the address of this server, without a token', async () => {
    const { status, script } = await installer({ host: 'pi-server.local:3000' });
    expect(status).toBe(200);
    expect(script).toMatch(/^#!\/bin\/sh\n/);
    expect(script).toContain("control_plane='http://pi-server.local:3000'\n");
    expect((await installer({ host: '[fd00::1]:3000' })).script).toContain("'http://[fd00::1]:3000'");
    const proxied = await installer({ host: 'fleet.example', 'x-forwarded-proto': 'https' });
    expect(proxied.script).toContain("control_plane='https://fleet.example'");
  });

  it.each(["x';reboot;'", 'a b', '$(reboot)', 'x"'])('refuses the host %s in the script', async (host) => {
    expect((await installer({ host })).status).toBe(400);
  });

  it('names an archive with its checksum, and sends it', async () => {
    const answer = await get('/join/agent?platform=linux-armv7', { authorization });
    expect(answer.status).toBe(200);
    const lines = (await answer.text()).trim().split('\n');
    const fields = Object.fromEntries(lines.map((line) => line.split(' ') as [string, string]));
    expect(fields).toMatchObject({ url: 'http://127.0.0.1:3001' });
    const archive = await get(`/join/agent/${fields.file}`, { authorization });
    const bytes = Buffer.from(await archive.arrayBuffer());
    expect(bytes.byteLength).toBe(Number(fields.bytes));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(fields.sha256);
    const wrong = await get('/join/agent/..%2Ftokens.json', { authorization });
    expect({ status: wrong.status, body: await wrong.text() }).toEqual({
      status: 404,
      body: 'There is no archive "../tokens.json".\n',
    });
  });

  it('tells whether a device has joined', async () => {
    const state = async (id: string) => (await get(`/join/agent/device?id=${id}`, { authorization })).text();
    expect([await state('pi-1'), await state('pi-2')]).toEqual(['joined\n', 'absent\n']);
  });

  it.each([
    ['/join/agent?platform=linux-x64', '', 401, 'The join token is unknown.'],
    ['/join/agent?platform=linux-x64', `Bearer ${TOKENS.infer}`, 403, 'This is the infer token'],
    ['/join/agent?platform=linux-riscv64', authorization, 404, 'There is no agent for "linux-riscv64"'],
    ['/join/agent?platform=linux-x64&color=red', authorization, 400, 'The parameter "color" is unknown.'],
    ['/join/agent?platform=linux-x64&node=no', authorization, 400, 'must be "included"'],
    ['/join/agent/%E0%A4%A', authorization, 400, 'The address cannot be decoded.'],
  ])('answers %s of %j with %i and one sentence', async (path, token, status, sentence) => {
    const answer = await get(path, { authorization: token });
    const body = await answer.text();
    expect(answer.status).toBe(status);
    expect(body).toContain(sentence);
    expect(body.trim()).not.toContain('\n');
  });
});

describe('joining as a device', () => {
  const ask = async (token: string) => {
    const response = await get('/join/data-plane', { authorization: `Bearer ${token}` });
    return { status: response.status, body: await response.json() };
  };

  it('needs no session, and moves a token in the address to the fragment', async () => {
    expect(await (await get('/join')).text()).toBe('page /join');
    const { headers } = await get(`/join?token=${TOKENS.join}&name=phone`);
    expect(headers.get('location')).toBe(`/join#token=${TOKENS.join}&name=phone`);
    expect(headers.get('set-cookie')).toBeNull();
  });

  it('gives the data plane’s address for the join token only', async () => {
    expect(await ask(TOKENS.join)).toEqual({ status: 200, body: { url: 'http://127.0.0.1:3001' } });
    expect(await ask('wrong')).toMatchObject({ status: 401, body: { error: { code: 'unauthorized' } } });
    expect(await ask(TOKENS.infer)).toMatchObject({ status: 403, body: { error: { code: 'wrong-role' } } });
    expect((await get('/join/data-plane')).status).toBe(401);
  });

  it('tells a page with the join token what its device computes', async () => {
    const authorization = `Bearer ${TOKENS.join}`;
    const seats = async (query: string) => (await get(`/join/shards${query}`, { authorization })).json();
    expect(await seats('?device=tab-1')).toEqual({ seats: [SEAT] });
    expect(await seats('?device=tab-2')).toEqual({ seats: [] });
    expect(await seats('')).toEqual({ seats: [] });
    expect((await get('/join/shards?device=tab-1')).status).toBe(401);
  });
});

describe('the live channel', () => {
  function connect(options: { auth?: object; headers?: Record<string, string> }): Socket {
    const socket = io(`${url}/ui`, {
      transports: ['websocket'],
      reconnection: false,
      ...(options.auth === undefined ? {} : { auth: options.auth }),
      ...(options.headers === undefined ? {} : { extraHeaders: options.headers }),
    });
    sockets.push(socket);
    return socket;
  }
  const next = (socket: Socket, event: string) =>
    new Promise<unknown>((resolve) => {
      socket.once(event, resolve);
    });

  it('sends a snapshot, then each change once', async () => {
    live.devices = [deviceView('device-0001')];
    const socket = connect({ auth: { token: TOKENS.operator } });
    expect(await next(socket, 'snapshot')).toMatchObject({
      devices: [{ id: 'device-0001' }],
      deployments: [],
      models: [],
      inferenceUrl: 'http://127.0.0.1:3001',
      grpcAddress: '127.0.0.1:3002',
    });
    const changed = next(socket, 'devices');
    live.devices = [deviceView('device-0001'), deviceView('device-0002')];
    ui.changed();
    expect(await changed).toHaveLength(2);
    const heard: string[] = [];
    socket.onAny((name: string) => heard.push(name));
    const models = next(socket, 'models');
    ui.modelsChanged();
    await models;
    expect(heard).toEqual(['models']);
  });

  it('sends a heartbeat while nothing changes', async () => {
    const web = createServer().listen(0, '127.0.0.1');
    await once(web, 'listening');
    const beating = new UiPush(web, { ...parts, heartbeatMs: 1 });
    const socket = io(`http://127.0.0.1:${(web.address() as AddressInfo).port}/ui`, {
      transports: ['websocket'],
      auth: { token: TOKENS.operator },
    });
    sockets.push(socket);
    expect(await next(socket, 'heartbeat')).toBeUndefined();
    await beating.close();
    web.close();
    web.closeAllConnections();
  });

  it('sends events as they occur', async () => {
    const socket = connect({ headers: { cookie, origin: url } });
    await next(socket, 'snapshot');
    const event = next(socket, 'event');
    api.events.add({ kind: 'test', level: 'info', message: 'Hello.', device: null, deployment: null });
    expect(await event).toMatchObject({ message: 'Hello.' });
  });

  it.each([
    ['no session', {}],
    ['a wrong token', { auth: { token: 'wrong' } }],
    ['a token of another role', { auth: { token: TOKENS.infer } }],
    ['a token that is not text', { auth: { token: { $ne: '' } } }],
  ])('rejects %s', async (_who, options) => {
    expect(((await next(connect(options), 'connect_error')) as Error).message).toMatch(/\w+ \w+/);
  });

  it('rejects a connection at once during the start, so that the dashboard retries', async () => {
    const starting = createWebServer(new Promise(() => {})).listen(0, '127.0.0.1');
    await once(starting, 'listening');
    const early = io(`http://127.0.0.1:${(starting.address() as AddressInfo).port}/ui`, {
      transports: ['websocket'],
      reconnection: false,
      // Only an answer ends this attempt.
      timeout: 2 ** 31 - 1,
    });
    sockets.push(early);
    expect(((await next(early, 'connect_error')) as Error).message).toBe('websocket error');
    starting.close();
    starting.closeAllConnections();
  });

  it('rejects a page of another site with the operator’s cookie', async () => {
    const socket = connect({ headers: { cookie, origin: 'http://evil.example' } });
    expect(((await next(socket, 'connect_error')) as Error).message).toContain('own pages');
  });
});
