import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seededRandom } from '@sparewheel/zoo/random';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkPictures, encodeBody, loadBodies, pictureBodies } from './bodies.ts';
import { LoadRun } from './run.ts';

const seededUniform = (seed: number) => seededRandom(seed).uniform;
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

it('closed loop: keeps the given concurrency and sends exactly the requested number', async () => {
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

it('counts an error response as failed and a broken connection as lost', async () => {
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

it('stops sending and waits for requests in flight', async () => {
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

it('open loop: a stall shows in the latency of every delayed request', async () => {
  // All requests arrive at once and the server answers one at a time, so the n-th waits for n − 1 others.
  // Measured from the actual send over a free connection, all would look equally fast.
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

it('open loop: sends at the given rate without waiting for answers', async () => {
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
  // A closed loop would stop at its concurrency. Here all 50 are in flight without an answer.
  await allArrived;
  expect(run.status()).toMatchObject({ sent: 50, inFlight: 50, answered: 0 });
  for (const response of held) response.end('{}');
  await run.finished;
  expect(run.status()).toMatchObject({ answered: 50, lost: 0 });
});

it('open loop: sends delayed requests after the end of the run, measured from their intended start', async () => {
  // 600 arrivals in 60 ms, and no answer before the connection limit is reached: 88 wait past the end of the
  // run.
  const held: ServerResponse[] = [];
  let full: () => void = () => {};
  const limitReached = new Promise<void>((resolve) => {
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
  await limitReached;
  while (performance.now() < began + seconds * 1000) await new Promise((resolve) => setImmediate(resolve));
  stalled = false;
  for (const response of held) response.end('{}');
  await run.finished;
  const { sent, answered, percentiles } = run.status();
  // The gaps are exactly 0.1 ms.
  expect(sent).toBeGreaterThanOrEqual(598);
  expect(sent).toBeLessThanOrEqual(600);
  expect(answered).toBe(sent);
  expect(percentiles.max).toBeGreaterThan(seconds * 1000 * 0.9);
});

it('converts picture bytes to floats from 0 to 1', () => {
  const inputs = [{ name: 'image', type: 'float32', dims: [-1, 1, 2, 2] }] as const;
  const picture = Buffer.from([0, 51, 102, 255]).toString('base64');
  const [body] = pictureBodies(inputs, [picture]);
  const { bytes, headerLength } = body!;
  const header = JSON.parse(bytes.subarray(0, headerLength).toString());
  expect(header.inputs[0]).toMatchObject({ name: 'image', shape: [1, 1, 2, 2], datatype: 'FP32' });
  const data = new Float32Array(Uint8Array.from(bytes.subarray(headerLength)).buffer);
  expect([...data]).toEqual([0, 51 / 255, 102 / 255, 1].map(Math.fround));
});

it('rejects pictures of another size and models without an image input, and says what is expected', () => {
  const image = [{ name: 'image', type: 'float32', dims: [1, 1, 2, 2] }] as const;
  const small = Buffer.from([1, 2, 3]).toString('base64');
  expect(() => checkPictures(image, [small])).toThrow(
    'Picture 1 has 3 elements, but the input float32 [1, 1, 2, 2] has 4.',
  );
  const tokens = [{ name: 'tokens', type: 'int64', dims: [1, 16] }] as const;
  expect(() => checkPictures(tokens, [small])).toThrow('tokens int64 [1, 16]');
  expect(() => checkPictures(tokens)).not.toThrow();
});

it('draws exponential gaps for Poisson arrivals', () => {
  const random = seededUniform(11);
  const gaps = Array.from({ length: 20_000 }, () => -Math.log(1 - random()));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  expect(mean).toBeCloseTo(1, 1);
  expect(Math.sqrt(variance)).toBeCloseTo(1, 1);
});

it('creates sample digits for digit images, and seeded numbers for other inputs', () => {
  const digits = loadBodies([{ name: 'image', type: 'float32', dims: [-1, 1, 28, 28] }], seededUniform(1));
  const header = JSON.parse(digits[0]!.bytes.subarray(0, digits[0]!.headerLength).toString());
  expect(header.inputs[0]).toMatchObject({ shape: [1, 1, 28, 28], datatype: 'FP32' });
  const inputs = [{ name: 'n', type: 'int64', dims: [2, -1] }] as const;
  expect(loadBodies(inputs, seededUniform(3))).toEqual(loadBodies(inputs, seededUniform(3)));
  expect(loadBodies(inputs, seededUniform(3))).not.toEqual(loadBodies(inputs, seededUniform(4)));
});

it('creates half-precision numbers and strings', () => {
  const inputs = [
    { name: 'h', type: 'float16', dims: [3] },
    { name: 's', type: 'string', dims: [2] },
  ] as const;
  const { bytes, headerLength } = loadBodies(inputs, () => 0.5)[0]!;
  const header = JSON.parse(bytes.subarray(0, headerLength).toString());
  expect(header.inputs.map(({ datatype }: { datatype: string }) => datatype)).toEqual(['FP16', 'BYTES']);
  expect(bytes.subarray(headerLength).toString('hex')).toBe(`003800380038${'0100000038'.repeat(2)}`);
});
