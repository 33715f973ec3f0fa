import type { Engine } from './engine.ts';
import { EngineError, messageOf } from './engine-error.ts';
import { SessionEngine } from './session-engine.ts';

/**
 * Runs models on WebAssembly in the calling thread of a browser, which a run **blocks**: call it in a Worker.
 * The bundler serves ONNX Runtime's own file (14 MB, 3.7 MB compressed) beside the code; nothing comes from elsewhere.
 * @throws {EngineError} `no-backend`: no WebAssembly with SIMD here, or its file cannot be had
 */
export async function createBrowserEngine(): Promise<Engine> {
  try {
    const runtime = await import('onnxruntime-web/wasm');
    // Threads need SharedArrayBuffer, for which a browser wants special headers and https.
    runtime.env.wasm.numThreads = 1;
    return new SessionEngine({ name: 'wasm', runtime }, 1, null);
  } catch (error) {
    throw new EngineError('no-backend', `the WebAssembly engine does not load: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
