import { type Engine, EngineError, type RunResult } from '@sparewheel/engine';
import {
  type AnswerFrame,
  type ComputeRequest,
  encodeFrame,
  type FromDevice,
  LIMITS,
  type Tensor,
} from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { BufferPool } from './buffer-pool.ts';
import { ComputeQueue, type SendAnswer } from './compute-queue.ts';
import { Faults } from './faults.ts';
import { TaskTable } from './task-table.ts';
import { ManualClock } from './testing/manual-clock.ts';

const blob = { sha256: 'a'.repeat(64), bytes: 1 };
const definition = { task: 3, graph: blob, weights: null, feeds: ['x'], fetches: ['y'] };
const one: Tensor = { type: 'float32', dims: [1], data: Float32Array.of(1) };
const request = (number: number, tensors = [one], task = 3): ComputeRequest => ({
  kind: 'compute',
  request: number,
  task,
  tensors,
});

/** Waits until all settled promises have run their callbacks. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** @param intoFrames  the engine computes at once, into the tensors that it is given */
async function setUp(computeMs = 2, { intoFrames = false } = {}) {
  const frames: { frame: AnswerFrame | null; sent: () => void }[] = [];
  const running: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const engine: Engine = {
    backend: 'native',
    load: async () => ({ feeds: ['x'], fetches: ['y'] }),
    run: async (_key, feeds, _fetches, into) => {
      if (intoFrames) {
        const y = into?.[0] ?? { ...feeds.x!, data: feeds.x!.data.slice() };
        (y.data as Float32Array).set(feeds.x!.data as Float32Array);
        return { fetches: { y }, computeMs };
      }
      return new Promise<RunResult>((resolve, reject) =>
        running.push({ resolve: () => resolve({ fetches: { y: feeds.x! }, computeMs }), reject }),
      );
    },
    unload: async () => {},
    close: async () => {},
  };
  const tasks = new TaskTable(engine, {
    held: () => [],
    has: () => true,
    bytes: 0,
    write: async () => {},
    abandonIncomplete: async () => {},
    retain: async () => {},
    source: async () => ({ kind: 'file', path: 'graph' }),
  });
  await tasks.load(definition);
  const sent: FromDevice[] = [];
  const send: SendAnswer = (message, frame, done) => {
    encodeFrame(message);
    sent.push(message);
    frames.push({ frame, sent: done });
  };
  const clock = new ManualClock();
  const reports: { request: number; task: number }[][] = [];
  const faults = new Faults(
    () => 0,
    () => {},
  );
  const pool = new BufferPool();
  const queue = new ComputeQueue({
    engine,
    tasks,
    faults,
    clock,
    pool,
    send,
    report: (jobs) => reports.push(jobs),
  });
  const finish = async () => {
    running.shift()!.resolve();
    await settle();
  };
  return {
    queue,
    frames,
    pool,
    sent,
    reports,
    clock,
    faults,
    running,
    finish,
    kinds: () => sent.map((m) => `${m.kind} ${m.request}`),
  };
}

describe('compute queue', () => {
  it('computes one request at a time and answers them in order', async () => {
    const { queue, running, finish, kinds, sent } = await setUp();
    for (let number = 1; number <= 3; number++) queue.receive(request(number));
    expect(running).toHaveLength(1);
    expect(queue.inFlight).toBe(3);
    for (let number = 1; number <= 3; number++) await finish();
    expect(kinds()).toEqual(['answer 1', 'answer 2', 'answer 3']);
    expect(sent[0]).toMatchObject({ computeMicros: 2_000, tensors: [one] });
    expect(queue.inFlight).toBe(0);
  });

  it('reports computations that take long, and those that wait for them, until they are answered', async () => {
    const { queue, finish, reports, clock } = await setUp();
    queue.receive(request(1));
    queue.receive(request(2));
    clock.advance(LIMITS.reportComputingMs - 1);
    queue.receive(request(3));
    expect(reports).toEqual([]);
    clock.advance(1);
    const task = 3;
    const [first, second, third] = [1, 2, 3].map((request) => ({ request, task }));
    expect(reports).toEqual([[first, second]]);
    clock.advance(LIMITS.reportComputingMs);
    expect(reports.at(-1)).toEqual([first, second, third]);
    await finish();
    queue.receive({ kind: 'cancel', request: 2, task });
    clock.advance(LIMITS.reportComputingMs);
    expect(reports.at(-1)).toEqual([third]);
    queue.clear();
    clock.advance(LIMITS.reportComputingMs);
    expect(reports).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it('reports neither short computations nor answers that a fault delays', async () => {
    const { queue, finish, reports, clock, faults } = await setUp();
    for (let number = 1; number <= 10; number++) {
      queue.receive(request(number));
      clock.advance(LIMITS.reportComputingMs / 5);
      await finish();
    }
    faults.set({ kind: 'delay', ms: 10 * LIMITS.reportComputingMs, sigma: 0 });
    queue.receive(request(11));
    await finish();
    clock.advance(5 * LIMITS.reportComputingMs);
    expect(reports).toEqual([]);
  });

  it('refuses unknown tasks, wrong feeds, and requests over its limit', async () => {
    const { queue, sent } = await setUp();
    queue.receive(request(1, [one], 4));
    queue.receive(request(2, [one, one]));
    const limit = LIMITS.inFlightPerDevice + LIMITS.mirroredPerDevice;
    for (let number = 0; number < limit; number++) queue.receive(request(10 + number));
    queue.receive(request(99));
    expect(sent.map((message) => [message.request, 'code' in message && message.code])).toEqual([
      [1, 'unknown-task'],
      [2, 'invalid-feed'],
      [99, 'overloaded'],
    ]);
  });

  it('refuses every answer that exceeds a limit, and keeps working', async () => {
    const { queue, sent, finish } = await setUp();
    const deep = { ...one, dims: new Array<number>(LIMITS.tensorRank + 1).fill(1) };
    for (const number of [1, 2, 3]) {
      queue.receive(request(number, [deep]));
      await finish();
    }
    queue.receive(request(4));
    await finish();
    expect(sent.map((message) => ('code' in message ? message.code : message.kind))).toEqual([
      'unencodable',
      'unencodable',
      'unencodable',
      'answer',
    ]);
  });

  it('reuses the frame of an answer only after it was sent', async () => {
    const { queue, sent, frames } = await setUp(2, { intoFrames: true });
    const value = (number: number): Tensor => ({ type: 'float32', dims: [1], data: Float32Array.of(number) });
    // The shapes of the answer are known after the first one.
    for (let number = 1; number <= 4; number++) {
      queue.receive(request(number, [value(number)]));
      await settle();
    }
    expect(frames.map(({ frame }) => frame === null)).toEqual([true, false, false, false]);
    expect(new Set(frames.map(({ frame }) => frame?.buffer)).size).toBe(4);
    for (const message of sent) expect(message).toMatchObject({ tensors: [value(message.request)] });
    frames[2]!.sent();
    queue.receive(request(5, [value(5)]));
    await settle();
    expect(frames[4]!.frame!.buffer).toBe(frames[2]!.frame!.buffer);
  });

  it('reuses the buffers of canceled requests', async () => {
    const { queue, finish, pool } = await setUp();
    const pooled = (): Tensor => ({ ...one, data: new Float32Array(pool.take(4)) });
    const [first, second] = [pooled(), pooled()];
    queue.receive(request(1, [first]));
    queue.receive(request(2, [second]));
    queue.receive({ kind: 'cancel', request: 2, task: 3 });
    expect(pool.take(4)).toBe(second.data.buffer);
    await finish();
    expect(pool.take(4)).toBe(first.data.buffer);
  });

  it('computes waiting requests together if all of them allow it', async () => {
    const { queue, running, finish, kinds, sent } = await setUp();
    const value = (number: number): Tensor => ({ type: 'float32', dims: [1], data: Float32Array.of(number) });
    const batchable = (number: number): ComputeRequest => ({
      ...request(number, [value(number)]),
      batch: true,
    });
    for (const number of [1, 2, 3]) queue.receive(batchable(number));
    queue.receive(request(4, [value(4)]));
    queue.receive(batchable(5));
    queue.receive({ kind: 'cancel', request: 3, task: 3 });
    // No other request waited when the first one started.
    await finish();
    expect(running).toHaveLength(1);
    await finish();
    expect(kinds()).toEqual(['answer 1', 'answer 2', 'answer 5']);
    await finish();
    expect(kinds().at(-1)).toBe('answer 4');
    for (const message of sent) expect(message).toMatchObject({ tensors: [value(message.request)] });
    expect(queue.inFlight).toBe(0);
  });

  it('computes requests one by one when a batch fails', async () => {
    const { queue, running, finish, kinds } = await setUp();
    for (const number of [1, 2, 3]) queue.receive({ ...request(number), batch: true });
    await finish();
    running.shift()!.reject(new EngineError('run-failed', 'invalid dimensions'));
    await settle();
    await finish();
    await finish();
    expect(kinds()).toEqual(['answer 1', 'answer 2', 'answer 3']);
    for (const number of [4, 5, 6]) queue.receive({ ...request(number), batch: true });
    for (let run = 0; run < 3; run++) await finish();
    expect(kinds().slice(3)).toEqual(['answer 4', 'answer 5', 'answer 6']);
  });

  it('does not answer a canceled request, whether queued, computing or delayed', async () => {
    const { queue, running, finish, kinds, faults, clock } = await setUp();
    for (let number = 1; number <= 4; number++) queue.receive(request(number));
    queue.receive({ kind: 'cancel', request: 1, task: 3 });
    queue.receive({ kind: 'cancel', request: 2, task: 3 });
    queue.receive({ kind: 'cancel', request: 2, task: 99 });
    await finish();
    expect(running).toHaveLength(1);
    faults.set({ kind: 'delay', ms: 10, sigma: 0 });
    await finish();
    queue.receive({ kind: 'cancel', request: 3, task: 3 });
    await finish();
    expect(queue.inFlight).toBe(1);
    clock.advance(10);
    expect(kinds()).toEqual(['answer 4']);
  });

  it('does not answer requests from before a clear', async () => {
    const { queue, finish, kinds, faults, clock } = await setUp();
    faults.set({ kind: 'delay', ms: 10, sigma: 0 });
    for (let number = 1; number <= 3; number++) queue.receive(request(number));
    await finish();
    queue.clear();
    await finish();
    clock.advance(100);
    faults.set({ kind: 'heal' });
    queue.receive(request(1));
    await finish();
    expect(kinds()).toEqual(['answer 1']);
  });

  it('refuses a request whose computation fails, and continues with the next', async () => {
    const { queue, running, finish, sent } = await setUp();
    queue.receive(request(1));
    queue.receive(request(2));
    running.shift()!.reject(new EngineError('run-failed', 'shape mismatch'));
    await settle();
    await finish();
    expect(sent).toMatchObject([
      { kind: 'refusal', request: 1, code: 'run-failed', message: 'shape mismatch' },
      { kind: 'answer', request: 2 },
    ]);
  });

  it('refuses a request whose answer does not fit into a frame', async () => {
    const { queue, finish, sent } = await setUp();
    const size = LIMITS.frameBytes;
    queue.receive(request(1, [{ type: 'uint8', dims: [size], data: new Uint8Array(size) }]));
    await finish();
    expect(sent).toMatchObject([{ kind: 'refusal', request: 1, code: 'unencodable' }]);
  });

  it('stays busy for as long as a slower device would compute', async () => {
    const { queue, running, finish, kinds, faults, clock, sent } = await setUp(2);
    faults.set({ kind: 'slow', factor: 5 });
    queue.receive(request(1));
    queue.receive(request(2));
    await finish();
    clock.advance(7.9);
    await settle();
    expect(kinds()).toEqual([]);
    expect(running).toHaveLength(0);
    clock.advance(0.1);
    await settle();
    expect(kinds()).toEqual(['answer 1']);
    expect(sent[0]).toMatchObject({ computeMicros: 10_000 });
    expect(running).toHaveLength(1);
  });

  it('accumulates slowness below a millisecond until a timer can wait for it', async () => {
    const { queue, finish, kinds, faults, clock } = await setUp(0.1);
    faults.set({ kind: 'slow', factor: 5 });
    for (let number = 1; number <= 3; number++) queue.receive(request(number));
    for (let number = 1; number <= 3; number++) await finish();
    expect(kinds()).toEqual(['answer 1', 'answer 2']);
    clock.advance(1.3);
    await settle();
    expect(kinds()).toHaveLength(3);
  });

  it('applies the drop and corrupt faults to its answers', async () => {
    const { queue, finish, sent, faults } = await setUp();
    faults.set({ kind: 'corrupt', amount: 2, probability: 1 });
    queue.receive(request(1, [{ ...one, data: Float32Array.of(1) }]));
    await finish();
    faults.set({ kind: 'drop', probability: 1 });
    queue.receive(request(2));
    await finish();
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ tensors: [{ data: Float32Array.of(3) }] });
    expect(queue.inFlight).toBe(0);
  });
});
