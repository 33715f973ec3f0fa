import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '@sparewheel/engine';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deviceProfile } from './device-profile.ts';

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

  it('is measured once, then read from the folder', async () => {
    const first = engineOf(2);
    const profile = await deviceProfile(folder, first.engine, quiet);
    expect(profile).toMatchObject({
      cores: expect.any(Number),
      machine: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    const returned = engineOf(50);
    expect(await deviceProfile(folder, returned.engine, quiet)).toEqual(profile);
    expect(returned.state.runs).toBe(0);
  });

  it('is measured again for another engine and if the file is damaged', async () => {
    const native = await deviceProfile(folder, engineOf(2).engine, quiet);
    const wasm = await deviceProfile(folder, engineOf(20, 'wasm').engine, quiet);
    expect(wasm!.multiplyAddsPerSecond).toBeCloseTo(native!.multiplyAddsPerSecond / 10);
    await writeFile(
      join(folder, 'profile.json'),
      (await readFile(join(folder, 'profile.json'))).subarray(0, 20),
    );
    const again = engineOf(20, 'wasm');
    expect(await deviceProfile(folder, again.engine, quiet)).toEqual(wasm);
    expect(again.state.runs).toBeGreaterThan(0);
  });

  it('is undefined if the measurement fails, with the reason in the log', async () => {
    const { engine } = engineOf(2);
    const lines: string[] = [];
    engine.load = () => Promise.reject(new Error('no memory'));
    expect(await deviceProfile(folder, engine, (line) => lines.push(line))).toBeUndefined();
    expect(lines.join()).toContain('no memory');
  });
});
