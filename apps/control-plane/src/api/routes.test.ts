/** The remaining routes, with fakes of both worker threads. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DIGITS, TestApi, TOKENS } from '../testing/test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.close());

describe('events', () => {
  it('are listed newest first, by page and by filter', async () => {
    await api.deployed();
    const { body } = await api.ask('GET', '/api/events');
    expect(body.map(({ kind }: { kind: string }) => kind)).toEqual(['deployment-created', 'model-uploaded']);
    const older = await api.ask('GET', `/api/events?before=${body[0].id}&limit=1`);
    expect(older.body).toEqual([body[1]]);
    expect((await api.ask('GET', '/api/events?deployment=digits')).body).toEqual([body[0]]);
    expect((await api.ask('GET', '/api/events?device=device-0001')).body).toEqual([]);
  });

  it.each(['limit=0', 'limit=many', 'limit=5000', 'before=-1', 'level=loud', 'device='])(
    'reject ?%s',
    async (query) => {
      const { status, body } = await api.ask('GET', `/api/events?${query}`);
      expect(status).toBe(400);
      expect(body.error.message).toContain(`"${query.split('=')[0]}"`);
    },
  );
});

describe('an unknown field', () => {
  it.each([
    ['POST', '/api/session', { token: 'x', remember: true }, 'remember'],
    ['POST', '/api/plans', { model: 'lenet5', split: 'spatial' }, 'split'],
    ['POST', '/api/deployments', { ...DIGITS, split: 'spatial' }, 'split'],
    ['POST', '/api/deployments', { ...DIGITS, policy: { wait: 5 } }, 'policy.wait'],
    ['PATCH', '/api/deployments/digits', { policy: { waitMs: 5 }, r: 2 }, 'r'],
    ['POST', '/api/deployments/digits/twin', { detect: 5 }, 'detect'],
    ['POST', '/api/deployments/digits/load', { mode: 'closed', concurency: 2 }, 'concurency'],
    ['POST', '/api/deployments/digits/load', { mode: 'open', ratePerSecond: 2, rate: 2 }, 'rate'],
    ['PUT', '/api/deployments/digits/network', { preset: 'off', ms: 5 }, 'ms'],
    ['POST', '/api/devices/device-0001/faults', { kind: 'heal', ms: 5 }, 'ms'],
    ['POST', '/api/devices/device-0001/revive', { force: true }, 'force'],
    ['POST', '/api/devices/device-0001/release', { force: true }, 'force'],
    ['POST', '/api/zoo/alexnet', { name: 'mine' }, 'name'],
    ['POST', '/api/zoo/alexnet?nome=mine', undefined, 'nome'],
    ['POST', '/api/models?name=x&batch=1', undefined, 'batch'],
    ['GET', '/api/events?since=5', undefined, 'since'],
    ['GET', '/api/deployments/digits/traces?last=5', undefined, 'last'],
    ['GET', '/api/deployments/digits/latency/history?last=5', undefined, 'last'],
  ] as const)('of %s %s %j is refused by its name', async (method, path, sent, field) => {
    await api.deployed();
    const { status, body } = await api.ask(method, path, sent);
    expect([status, body.error.message]).toEqual([400, `The field "${field}" is unknown.`]);
  });
});

describe('metrics', () => {
  it('are in Prometheus’ text format', async () => {
    await api.deployed();
    const { status, body, headers } = await api.ask('GET', '/api/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toContain('text/plain');
    expect(body).toContain('sparewheel_devices{state="ready"} 4');
    expect(body).toContain('sparewheel_deployment_state{deployment="digits",state="distributing"} 1');
    expect(body).toContain('sparewheel_data_plane_up 1');
    expect(api.dataPlane.callsOf('metrics')).toHaveLength(1);
  });
});

describe('without the data plane', () => {
  it('routes that need it say when to try again, and the others work', async () => {
    await api.deployed();
    api.dataPlane.crash('it crashed');
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
    expect((await api.ask('GET', '/api/metrics')).body).toContain('sparewheel_data_plane_up 0');
    expect((await api.ask('DELETE', '/api/deployments/digits')).status).toBe(204);
  });
});

describe('inference through the control plane', () => {
  it('passes on body, headers and answer, with the operator’s token', async () => {
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
          .writeHead(200, {
            'content-type': 'application/octet-stream',
            'inference-header-content-length': '7',
            server: 'x',
          })
          .end(Buffer.from([1, 2, 255]));
      });
    });
    await startBefore(upstream);
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
    expect(response.statusCode).toBe(200);
    expect(response.headers['inference-header-content-length']).toBe('7');
    expect(response.headers.server).toBeUndefined();
    expect([...response.rawPayload]).toEqual([1, 2, 255]);
  });

  it.each([
    [
      'an error of the protocol',
      { error: 'no room', code: 'overloaded', hint: 'Wait.' },
      'overloaded',
      'no room',
    ],
    ['an error without a hint', { error: 'no room', code: 'overloaded' }, 'overloaded', 'no room'],
    ['an error of another server', { error: { message: 'no' } }, 'unexpected', 'with status 503'],
    ['no JSON', 'oh no', 'unexpected', 'with status 503'],
  ])('gives %s the form of the admin API', async (_what, sent, code, message) => {
    const upstream = createServer((_request, response) => {
      response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '7' });
      response.end(JSON.stringify(sent));
    });
    await startBefore(upstream);
    const { status, headers, body } = await api.ask('POST', '/api/deployments/digits/infer', { inputs: [] });
    upstream.close();
    upstream.closeAllConnections();
    expect([status, headers['retry-after'], body.error.code]).toEqual([503, '7', code]);
    expect(body.error.message).toContain(message);
    expect(body.error.hint).toBe((sent as { hint?: string }).hint);
  });

  /** Opens a data plane's HTTP server, and starts the API before it. */
  async function startBefore(upstream: Server): Promise<void> {
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    await api.close();
    api = await TestApi.start({ port: (upstream.address() as AddressInfo).port });
    await api.deployed();
  }
});
