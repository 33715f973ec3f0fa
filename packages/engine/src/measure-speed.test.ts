import { expect, it } from 'vitest';
import { createDirectEngine } from './direct-engine.ts';
import type { Engine } from './engine.ts';
import { measureEngine } from './measure-speed.ts';

it('measures a real engine and unloads the calibration model', async () => {
  const engine = await createDirectEngine();
  const { multiplyAddsPerSecond, memoryBytesPerSecond } = await measureEngine(engine);
  expect(multiplyAddsPerSecond).toBeGreaterThan(1e6);
  expect(memoryBytesPerSecond).toBeGreaterThan(1e6);
  await expect(engine.run('calibration', {})).rejects.toMatchObject({ code: 'unknown-model' });
  await engine.close();
});

it('counts the best runs only, so that other load on the machine has no effect', async () => {
  const times = [50, 9, 4, 30, 8, 8, 8, 8, 8];
  const engineOf = (disturbed: boolean) => {
    let run = 0;
    const restart = () => {
      run = 0;
    };
    return {
      load: async () => {
        restart();
        return { feeds: ['x'], fetches: ['y'] };
      },
      run: async () => ({ fetches: {}, computeMs: disturbed ? times[run++ % times.length]! : 4 }),
      unload: async () => {},
    } as unknown as Engine;
  };
  expect(await measureEngine(engineOf(true))).toEqual(await measureEngine(engineOf(false)));
});
