import { measureSpeed, type Speed, type SpeedStatistic } from '@sparewheel/onnx';
import type { Engine } from './engine.ts';

export { SPEED_METHOD, type SpeedStatistic } from '@sparewheel/onnx';

const KEY = 'calibration';

/**
 * Measures the speed of an engine with the settings that it serves with. Takes about 150 ms on a small server
 * and 32 MB of memory.
 * @param statistic  `mean` for a machine with a limit of processor time
 * @throws {EngineError} the engine cannot run the calibration model
 */
export function measureEngine(engine: Engine, statistic: SpeedStatistic = 'best'): Promise<Speed> {
  return measureSpeed(async (graph) => {
    await engine.load(KEY, { kind: 'bytes', graph }, { mapped: true });
    return {
      run: async ({ dims, data }) =>
        (await engine.run(KEY, { x: { type: 'float32', dims: [...dims], data } })).computeMs,
      close: () => engine.unload(KEY),
    };
  }, statistic);
}
