import { EventEmitter } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError, errorReport } from '@sparewheel/protocol';
import { zooModel } from '@sparewheel/zoo';
import { expect, it } from 'vitest';
import type { ModelBuilderJob } from './messages.ts';
import { ModelBuilder, type ModelBuilderThread } from './model-builder.ts';
import { serveMain, type ThreadFunctions } from './thread-calls.ts';

/** The other end of the calls, in this thread. */
class ThreadDouble extends EventEmitter implements ModelBuilderThread {
  closed = false;
  readonly #received = new EventEmitter();
  readonly main;

  constructor(run: ThreadFunctions['run']) {
    super();
    const channel = {
      postMessage: (message: unknown) => this.emit('message', message),
      on: (event: 'message', listener: (message: unknown) => void) => this.#received.on(event, listener),
    };
    this.main = serveMain(channel, {
      run,
      close: () => {
        this.closed = true;
      },
    });
  }

  postMessage(message: unknown): void {
    this.#received.emit('message', message);
  }

  crash(reason: string): void {
    this.emit('error', new Error(reason));
    this.emit('exit', 1);
  }

  async terminate(): Promise<void> {
    this.emit('exit', 0);
  }
}

/** A model builder whose threads run jobs with `run`; `threads` lists every started thread. */
function builder(run: ThreadFunctions['run'] = () => new Promise(() => {})) {
  const threads: ThreadDouble[] = [];
  const modelBuilder = new ModelBuilder(() => {
    threads.push(new ThreadDouble(run));
    return threads.at(-1)!;
  });
  return { modelBuilder, threads };
}

const JOB: ModelBuilderJob = { kind: 'build-zoo-model', name: 'lenet5', path: '/nowhere' };
const BUILT = { sha256: '0'.repeat(64), bytes: 7 };

it('returns the result of a job and reports its progress to the caller of that job only', async () => {
  const { modelBuilder, threads } = builder(async (job) => {
    await threads[0]!.main.progress(job, { fraction: job / 10 });
    return BUILT;
  });
  const heard: number[][] = [[], []];
  const results = heard.map((own) => modelBuilder.run(JOB, ({ fraction }) => own.push(fraction)));
  expect(await Promise.all(results)).toEqual([BUILT, BUILT]);
  expect(heard).toEqual([[0.1], [0.2]]);
});

it('rejects with the ApiError of the thread, all fields included', async () => {
  const failure = new ApiError(400, 'not-onnx', 'This is not an ONNX model.', 'Upload another file.');
  const { modelBuilder } = builder(() => Promise.reject(errorReport(failure)));
  const error = await modelBuilder.run(JOB).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ ...failure });
});

it('fails every pending job when the thread crashes, and starts a new thread for the next job', async () => {
  const { modelBuilder, threads } = builder();
  const pending = Promise.allSettled([modelBuilder.run(JOB), modelBuilder.run(JOB)]);
  threads[0]!.crash('out of memory');
  const reason = { code: 'model-builder-ended', message: expect.stringContaining('out of memory') };
  expect(await pending).toMatchObject([{ reason }, { reason }]);
  void modelBuilder.run(JOB).catch(() => {});
  expect(threads).toHaveLength(2);
});

it('asks the thread to end its child processes, then fails pending and later jobs', async () => {
  const { modelBuilder, threads } = builder();
  const pending = expect(modelBuilder.run(JOB)).rejects.toMatchObject({ status: 503, code: 'stopping' });
  await modelBuilder.close();
  expect(threads[0]!.closed).toBe(true);
  await pending;
  await expect(modelBuilder.run(JOB)).rejects.toMatchObject({ code: 'stopping' });
  expect(threads).toHaveLength(1);
});

it('terminates a thread that does not answer the close call', async () => {
  const { modelBuilder, threads } = builder();
  modelBuilder.warmUp();
  threads[0]!.postMessage = () => {};
  // Keeps the event loop alive: the timeout of the close call does not.
  const alive = setInterval(() => {}, 50);
  await modelBuilder.close();
  clearInterval(alive);
});

it('runs exclusive work one piece at a time, also after a piece fails', async () => {
  const { modelBuilder } = builder();
  const log: string[] = [];
  const work = (name: string, fails: boolean) => async () => {
    log.push(`${name} starts`);
    await new Promise((resolve) => setImmediate(resolve));
    log.push(`${name} ends`);
    if (fails) throw new Error(name);
  };
  await Promise.allSettled([
    modelBuilder.exclusive(work('a', true)),
    modelBuilder.exclusive(work('b', false)),
  ]);
  expect(log).toEqual(['a starts', 'a ends', 'b starts', 'b ends']);
});

it('runs jobs in a worker thread', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sparewheel-model-builder-'));
  const scratch = join(directory, 'scratch');
  await mkdir(scratch);
  const path = join(directory, 'model.onnx');
  await writeFile(path, (await zooModel('lenet5')?.chunks()) ?? []);
  const bad = join(directory, 'bad.onnx');
  await writeFile(bad, 'hello, I am not a model');
  const modelBuilder = ModelBuilder.inThread({ blobs: join(directory, 'blobs'), scratch });
  try {
    await mkdir(join(directory, 'blobs'));
    const job = {
      kind: 'import-model',
      path,
      name: 'lenet5',
      dimensions: {},
      maxDimensions: {},
      shapes: {},
    } as const;
    expect((await modelBuilder.run(job)).parameters).toBe(61_706);
    await expect(modelBuilder.run({ ...job, path: bad })).rejects.toMatchObject({
      status: 400,
      code: 'not-onnx',
    });
  } finally {
    await modelBuilder.close();
    await rm(directory, { recursive: true });
  }
});
