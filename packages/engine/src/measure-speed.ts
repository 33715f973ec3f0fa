import { measureSpeed, type Speed } from '@sparewheel/onnx';
import type { Engine } from './engine.ts';

export { SPEED_METHOD } from '@sparewheel/onnx';

const KEY = 'calibration';

/**
 * Measures the speed of an engine with the settings that it serves with. Takes about 150 ms on a small server
 * and 32 MB of memory. Only the best runs count, because other load on the machine slows some of them.
 * @param timed  executes a run, and returns its milliseconds; by default those that the engine reports
 * @throws {EngineError} the engine cannot run the calibration model
 */
export function measureEngine(
  engine: Engine,
  timed: (run: () => Promise<number>) => Promise<number> = (run) => run(),
): Promise<Speed> {
  return measureSpeed(async (graph) => {
    await engine.load(KEY, { kind: 'bytes', graph }, { mapped: true });
    return {
      run: ({ dims, data }) =>
        timed(async () => {
          const { computeMs } = await engine.run(KEY, { x: { type: 'float32', dims: [...dims], data } });
          return computeMs;
        }),
      close: () => engine.unload(KEY),
    };
  });
}
