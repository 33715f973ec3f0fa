import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '@sparewheel/engine';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deviceProfile, type ThreadChoice } from './device-profile.ts';

/** Returns an engine that takes `computeMs` for every run. */
function engineOf(computeMs: number, backend: Engine['backend'] = 'native') {
  const state = { runs: 0 };
  const engine = {
    backend,
    load: async () => ({ feeds: ['x'], fetches: ['y'] }),
    run: async () => {
      state.runs++;
      return { fetches: {}, computeMs };
    },
    unload: async () => {},
    close: async () => {},
  } as unknown as Engine;
  return { engine, state };
}

describe('device profile', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sparewheel-profile-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const quiet = () => {};

  const alone = { atMost: 1 };
  const measure = (engine: Engine, choice: ThreadChoice = alone) =>
    deviceProfile(folder, choice, async () => engine, quiet);

  it('is measured once, then read from the folder', async () => {
    const measured = await measure(engineOf(2).engine);
    expect(measured).toMatchObject({
      threads: 1,
      profile: {
        cores: expect.any(Number),
        machine: expect.stringMatching(/^[0-9a-f]{16}$/),
        threads: 1,
      },
    });
    const returned = engineOf(50);
    expect(await measure(returned.engine)).toEqual(measured);
    expect(returned.state.runs).toBe(0);
  });

  it('is measured again for another engine or thread choice, and if the file is damaged', async () => {
    const native = await measure(engineOf(2).engine);
    const wasm = await measure(engineOf(20, 'wasm').engine);
    expect(wasm.profile!.multiplyAddsPerSecond).toBeCloseTo(native.profile!.multiplyAddsPerSecond / 10);
    const fixed = engineOf(20, 'wasm');
    expect(await measure(fixed.engine, { fixed: 3, atMost: 4 })).toMatchObject({ threads: 3 });
    expect(fixed.state.runs).toBeGreaterThan(0);
    await measure(engineOf(20, 'wasm').engine);
    await writeFile(
      join(folder, 'profile.json'),
      (await readFile(join(folder, 'profile.json'))).subarray(0, 20),
    );
    const again = engineOf(20, 'wasm');
    expect(await measure(again.engine)).toEqual(wasm);
    expect(again.state.runs).toBeGreaterThan(0);
  });

  it.each([
    ['faster with every core', [20, 10, 5, 4], 6],
    ['as fast with four threads as with two', [20, 10, 10, 10], 2],
    ['slower with threads', [20, 25, 30, 40], 1],
  ])('has the number of threads that is worth it: %s', async (_what, times, threads) => {
    const tried: number[] = [];
    const { threads: chosen, profile } = await deviceProfile(
      folder,
      { atMost: 6 },
      async (count) => {
        tried.push(count);
        return engineOf(times[tried.length - 1]!).engine;
      },
      quiet,
    );
    expect(tried).toEqual([1, 2, 4, 6]);
    expect(chosen).toBe(threads);
    expect(profile!.threads).toBe(threads);
  });

  it('has the cores of a limit of processor time, and the group that shares it instead of the machine', async () => {
    const under = (limit: { cores: number; group: string } | null) =>
      deviceProfile(
        folder,
        { atMost: 8 },
        async () => engineOf(4).engine,
        quiet,
        async () => limit,
      );
    const { profile: free } = await under(null);
    const { profile: limited } = await under({ cores: 0.3, group: 'a-group' });
    expect(limited).toMatchObject({ cores: 1, threads: 1 });
    expect(limited!.machine).not.toBe(free!.machine);
    // This engine uses no processor time, so only the limit can make it fast.
    expect(limited!.multiplyAddsPerSecond).not.toBe(free!.multiplyAddsPerSecond);
  });

  it('is undefined if the measurement fails, with the reason in the log', async () => {
    const { engine } = engineOf(2);
    const lines: string[] = [];
    engine.load = () => Promise.reject(new Error('no memory'));
    const log = (line: string) => lines.push(line);
    expect(await deviceProfile(folder, { atMost: 4 }, async () => engine, log)).toEqual({
      profile: undefined,
      threads: 1,
    });
    expect(lines.join()).toContain('no memory');
  });
});
