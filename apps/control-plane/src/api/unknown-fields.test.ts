/** Every route refuses the fields that it does not have. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DIGITS, TestApi } from '../testing/test-api.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start();
  await api.deployed();
});
afterEach(() => api.close());

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Returns all routes of the API: "POST /api/devices/:id/faults". */
function routes(): readonly string[] {
  const path: string[] = [];
  const lines = api.app.printRoutes({ commonPrefix: false }).split('\n');
  return lines.flatMap((line) => {
    const [, indent, part, methods] = /^(.*)[├└]── (\S+) \((.+)\)$/.exec(line) ?? [];
    if (indent === undefined || part === undefined || methods === undefined) return [];
    path.length = indent.length / 4;
    path.push(part);
    return methods.split(', ').map((method) => `${method} ${path.join('')}`);
  });
}

/** The fields that a route needs before it looks at the others. */
const NEEDED: Readonly<Record<string, object>> = {
  'POST /api/session': { token: 'x' },
  'POST /api/plans': { model: 'lenet5' },
  'POST /api/deployments': DIGITS,
  'PATCH /api/deployments/:name': { policy: { verify: 'off' } },
  'POST /api/deployments/:name/load': { mode: 'closed' },
  'PUT /api/deployments/:name/network': { preset: 'off' },
  'POST /api/devices/:id/faults': { kind: 'heal' },
};
/** Their bodies are no JSON of the admin API. */
const OTHER_BODY = ['POST /api/models', 'POST /api/deployments/:name/infer'];

const refused = { status: 400, message: 'The field "zzz" is unknown.' };

async function ask(route: string, query: string, body?: object) {
  const [method, path = ''] = route.split(' ');
  const name = path.startsWith('/api/models') ? 'lenet5' : path.startsWith('/api/zoo') ? 'alexnet' : 'digits';
  const url = path.replace(':name', name).replace(':id', 'device-0001');
  const { status, body: answer } = await api.ask(method as Method, `${url}${query}`, body);
  return { status, message: answer?.error?.message };
}

it('refuses an unknown field of each query by its name', async () => {
  expect(routes().length).toBeGreaterThan(30);
  for (const route of routes()) {
    const needed = route === 'POST /api/models' ? 'name=x&' : '';
    expect({ route, ...(await ask(route, `?${needed}zzz=1`, NEEDED[route])) }).toEqual({ route, ...refused });
  }
});

it('refuses an unknown field of each body by its name', async () => {
  for (const route of routes()) {
    if (route.startsWith('GET') || OTHER_BODY.includes(route)) continue;
    expect({ route, ...(await ask(route, '', { ...NEEDED[route], zzz: 1 })) }).toEqual({ route, ...refused });
  }
});

it('accepts an empty body, and a body without fields', async () => {
  expect((await ask('POST /api/devices/:id/revive', '')).status).toBe(202);
  expect((await ask('POST /api/devices/:id/revive', '', {})).status).toBe(202);
  expect((await ask('DELETE /api/deployments/:name/latency', '', {})).status).toBe(204);
});

it('says that an address cannot be decoded', async () => {
  const { status, body } = await api.ask('GET', '/api/devices/%ff?x=1');
  expect([status, body.error.code, body.error.message]).toEqual([
    400,
    'bad-address',
    'The address /api/devices/%ff cannot be decoded.',
  ]);
});

it('says that an unknown path is unknown, also with fields', async () => {
  expect((await ask('GET /api/nothing', '?zzz=1')).status).toBe(404);
});
