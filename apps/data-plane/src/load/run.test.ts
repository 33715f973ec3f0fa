import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkPictures, encodeBody, loadBodies, pictureBodies } from './bodies.ts';
import { LoadRun } from './run.ts';
import { seededUniform } from './seeded-uniform.ts';

const BODY = encodeBody([['x', { type: 'float32', dims: [1], data: Float32Array.of(1) }]]);

let server: Server;
let answer: (response: ServerResponse) => void;
let open: number;
let mostOpen: number;

beforeEach(async () => {
  open = 0;
  mostOpen = 0;
  answer = (response) => response.end('{}');
  server = createServer((request, response) => {
    open++;
    mostOpen = Math.max(mostOpen, open);
    response.once('close', () => open--);
    request.resume();
    request.once('end', () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function target() {
  const { port } = server.address() as AddressInfo;
  return { host: '127.0.0.1', port, path: '/v2/models/m/infer', token: 't', bodies: [BODY] };
}

it('closed loop: keeps so many requests in flight, and sends exactly as many as asked for', async () => {
  answer = (response) => setImmediate(() => response.end('{}'));
  const run = new LoadRun(target(), { mode: 'closed', concurrency: 4, requests: 100 }, Math.random);
  await run.finished;
  expect(run.status()).toMatchObject({
    running: false,
    sent: 100,
    answered: 100,
    failed: 0,
    lost: 0,
    inFlight: 0,
  });
  expect(run.status().percentiles.count).toBe(100);
  expect(mostOpen).toBeLessThanOrEqual(4);
});

it('an explicit error is failed, a broken connection is lost', async () => {
  let request = 0;
  answer = (response) => {
    request++;
    if (request % 3 === 0) response.destroy();
    else if (request % 3 === 1) response.writeHead(503).end('{}');
    else response.end('{}');
  };
  const run = new LoadRun(target(), { mode: 'closed', concurrency: 1, requests: 9 }, Math.random);
  await run.finished;
  expect(run.status()).toMatchObject({ sent: 9, answered: 3, failed: 3, lost: 3, inFlight: 0 });
});

it('stop sends nothing more and waits for what is in flight', async () => {
  const held: ServerResponse[] = [];
  let arrived: () => void = () => {};
  const allArrived = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  answer = (response) => {
    held.push(response);
    if (held.length === 3) arrived();
  };
  const run = new LoadRun(target(), { mode: 'closed', concurrency: 3 }, Math.random);
  await allArrived;
  const stopped = run.stop();
  expect(run.status()).toMatchObject({ running: true, sent: 3, inFlight: 3, lost: 0 });
  for (const response of held) response.end('{}');
  await stopped;
  expect(run.status()).toMatchObject({ running: false, sent: 3, answered: 3, inFlight: 0 });
});

it('open loop: a stall shows in the latency of every request that it held up', async () => {
  // All arrivals fall into the first instant, and the server answers one at a time: the n-th waits for n − 1 others.
  // Timed from when it was sent over a free connection, each would look equally fast.
  const waiting: ServerResponse[] = [];
  const next = (): void => {
    const response = waiting.shift();
    if (response === undefined) return;
    setTimeout(() => {
      response.end('{}');
      next();
    }, 2);
  };
  answer = (response) => {
    waiting.push(response);
    if (waiting.length === 1 && open === 1) next();
    else if (waiting.length === 20) next();
  };
  const run = new LoadRun(target(), { mode: 'open', ratePerSecond: 10_000, requests: 20 }, () => 0.5);
  await run.finished;
  const { percentiles, answered } = run.status();
  expect(answered).toBe(20);
  expect(percentiles.max).toBeGreaterThan(10 * 2);
  expect(percentiles.p50).toBeLessThan(percentiles.max);
});

it('open loop: arrivals come at the rate, whether answers do or not', async () => {
  const held: ServerResponse[] = [];
  let arrived: () => void = () => {};
  const allArrived = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  answer = (response) => {
    held.push(response);
    if (held.length === 50) arrived();
  };
  const run = new LoadRun(target(), { mode: 'open', ratePerSecond: 2_000, requests: 50 }, seededUniform(7));
  // A closed loop would be stuck at its concurrency; here all 50 are in flight though none was answered.
  await allArrived;
  expect(run.status()).toMatchObject({ sent: 50, inFlight: 50, answered: 0 });
  for (const response of held) response.end('{}');
  await run.finished;
  expect(run.status()).toMatchObject({ answered: 50, lost: 0 });
});

it('open loop: what a stall held up is sent though the time is over, and counts from its intended start', async () => {
  // 600 arrivals within 60 ms, and no answer before all places are taken: 88 of them wait past the end of the run.
  const held: ServerResponse[] = [];
  let full: () => void = () => {};
  const placesTaken = new Promise<void>((resolve) => {
    full = resolve;
  });
  let stalled = true;
  answer = (response) => {
    if (!stalled) return void response.end('{}');
    held.push(response);
    if (held.length === 512) full();
  };
  const seconds = 0.06;
  const run = new LoadRun(target(), { mode: 'open', ratePerSecond: 10_000, seconds }, () => 1 - Math.exp(-1));
  const began = performance.now();
  await placesTaken;
  while (performance.now() < began + seconds * 1000) await new Promise((resolve) => setImmediate(resolve));
  stalled = false;
  for (const response of held) response.end('{}');
  await run.finished;
  const { sent, answered, percentiles } = run.status();
  // Gaps of exactly 0.1 ms: those at 0.1, 0.2 … up to the end.
  expect(sent).toBeGreaterThanOrEqual(598);
  expect(sent).toBeLessThanOrEqual(600);
  expect(answered).toBe(sent);
  expect(percentiles.max).toBeGreaterThan(seconds * 1000 * 0.9);
});

it('pictures become the model’s input byte by byte, as floats from 0 to 1', () => {
  const inputs = [{ name: 'image', type: 'float32', dims: [-1, 1, 2, 2] }] as const;
  const picture = Buffer.from([0, 51, 102, 255]).toString('base64');
  const [body] = pictureBodies(inputs, [picture]);
  const { bytes, headerLength } = body!;
  const header = JSON.parse(bytes.subarray(0, headerLength).toString());
  expect(header.inputs[0]).toMatchObject({ name: 'image', shape: [1, 1, 2, 2], datatype: 'FP32' });
  const data = new Float32Array(Uint8Array.from(bytes.subarray(headerLength)).buffer);
  expect([...data]).toEqual([0, 51 / 255, 102 / 255, 1].map(Math.fround));
});

it('pictures of another size, and models without an image input, are refused with what is expected', () => {
  const image = [{ name: 'image', type: 'float32', dims: [1, 1, 2, 2] }] as const;
  const small = Buffer.from([1, 2, 3]).toString('base64');
  expect(() => checkPictures(image, [small])).toThrow(
    "Picture 1 has 3 elements; the model's input is float32 [1, 1, 2, 2], which is 4.",
  );
  const tokens = [{ name: 'tokens', type: 'int64', dims: [1, 16] }] as const;
  expect(() => checkPictures(tokens, [small])).toThrow('tokens int64 [1, 16]');
  expect(() => checkPictures(tokens)).not.toThrow();
});

it('the gaps between Poisson arrivals have the mean and the spread of an exponential', () => {
  const random = seededUniform(11);
  const gaps = Array.from({ length: 20_000 }, () => -Math.log(1 - random()));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  expect(mean).toBeCloseTo(1, 1);
  expect(Math.sqrt(variance)).toBeCloseTo(1, 1);
});

it('makes drawn digits for a model of digit images, and seeded numbers for others', () => {
  const digits = loadBodies([{ name: 'image', type: 'float32', dims: [-1, 1, 28, 28] }], seededUniform(1));
  const header = JSON.parse(digits[0]!.bytes.subarray(0, digits[0]!.headerLength).toString());
  expect(header.inputs[0]).toMatchObject({ shape: [1, 1, 28, 28], datatype: 'FP32' });
  const inputs = [{ name: 'n', type: 'int64', dims: [2, -1] }] as const;
  expect(loadBodies(inputs, seededUniform(3))).toEqual(loadBodies(inputs, seededUniform(3)));
  expect(loadBodies(inputs, seededUniform(3))).not.toEqual(loadBodies(inputs, seededUniform(4)));
});
