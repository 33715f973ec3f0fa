import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProcessEngine } from './process-engine.ts';
import { ENDLESS, loopFeeds, loopModel } from './testing/loop-model.ts';
import { tinyModel } from './testing/tiny-model.ts';

let engine: ProcessEngine;
beforeEach(async () => {
  engine = new ProcessEngine('native');
  await engine.load('loop', { kind: 'bytes', graph: loopModel() });
});
afterEach(() => engine.close());

const error = (code: string) => expect.objectContaining({ name: 'EngineError', code });
const doubled = async (rounds: number) => {
  const { fetches } = await engine.run('loop', loopFeeds(rounds));
  return [...(fetches.y!.data as Float32Array)];
};

describe('process engine', () => {
  it('ends a run that takes too long, with its process, and runs the next call in a new process', async () => {
    const first = engine.processId;
    expect(await doubled(3)).toEqual([8]);
    await expect(engine.run('loop', loopFeeds(ENDLESS), undefined, undefined, 200)).rejects.toEqual(
      error('timed-out'),
    );
    expect(await doubled(4)).toEqual([16]);
    expect(engine.processId).not.toBe(first);
  });

  it('answers the calls behind a run that takes too long', async () => {
    const endless = engine.run('loop', loopFeeds(ENDLESS), undefined, undefined, 200);
    const behind = [doubled(1), doubled(2)];
    const graph = tinyModel({ inner: 1, columns: 1, weights: Float32Array.of(3) });
    const loading = engine.load('tiny', { kind: 'bytes', graph });
    await expect(endless).rejects.toEqual(error('timed-out'));
    expect(await Promise.all(behind)).toEqual([[2], [4]]);
    expect(await loading).toEqual({ feeds: ['x'], fetches: ['y'] });
    const x = { type: 'float32', dims: [1, 1], data: Float32Array.of(2) } as const;
    expect((await engine.run('tiny', { x })).fetches.y!.data).toEqual(Float32Array.of(6));
  });

  it('fails a call that waits too long without ending the run before it', async () => {
    const before = engine.processId;
    const running = engine.run('loop', loopFeeds(3_000_000));
    const waiting = engine.run('loop', loopFeeds(1), undefined, undefined, 1);
    await expect(waiting).rejects.toEqual(error('timed-out'));
    await running;
    expect(engine.processId).toBe(before);
  });

  it('never starts a call whose time has passed', async () => {
    const before = engine.processId;
    const running = engine.run('loop', loopFeeds(3_000_000));
    const late = engine.run('loop', loopFeeds(ENDLESS), undefined, undefined, 1);
    await expect(late).rejects.toEqual(error('timed-out'));
    await running;
    expect(await doubled(2)).toEqual([4]);
    expect(engine.processId).toBe(before);
  });

  it('rejects the running call when its process ends, and runs the next one in another process', async () => {
    const running = engine.run('loop', loopFeeds(ENDLESS));
    process.kill(engine.processId!, 'SIGKILL');
    await expect(running).rejects.toEqual(error('worker-crashed'));
    expect(await doubled(5)).toEqual([32]);
  });

  it('closes during a run that does not end', async () => {
    const running = engine.run('loop', loopFeeds(ENDLESS));
    const rejected = expect(running).rejects.toEqual(error('closed'));
    await engine.close();
    await rejected;
    await expect(engine.run('loop', loopFeeds(1))).rejects.toEqual(error('closed'));
  });

  it('ends its process with its last model', async () => {
    expect(engine.processId).toBeDefined();
    await engine.unload('loop');
    expect(engine.processId).toBeUndefined();
    await expect(engine.run('loop', loopFeeds(1))).rejects.toEqual(error('unknown-model'));
  });
});
