import { measureSpeed, type Speed } from '@sparewheel/onnx';
import type { Engine } from './engine.ts';

export { SPEED_METHOD } from '@sparewheel/onnx';

const KEY = 'calibration';

/**
 * Measures how fast an engine is, with the settings under which it serves; some 150 ms on a small server, 32 MB
 * while it lasts. Whatever else the machine does slows some of the runs, and only the best of them count.
 * @throws {EngineError} the engine cannot run at all
 */
export function measureEngine(engine: Engine): Promise<Speed> {
  return measureSpeed(async (graph) => {
    await engine.load(KEY, { kind: 'bytes', graph }, { mapped: true });
    return {
      run: async ({ dims, data }) =>
        (await engine.run(KEY, { x: { type: 'float32', dims: [...dims], data } })).computeMs,
      close: () => engine.unload(KEY),
    };
  });
}
