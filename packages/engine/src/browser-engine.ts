import type { Engine } from './engine.ts';
import { EngineError, messageOf } from './engine-error.ts';
import { SessionEngine } from './session-engine.ts';

/**
 * Creates an engine on WebAssembly for a browser. A run **blocks** the calling thread, so call it in a
 * Worker. The bundler serves ONNX Runtime's file (14 MB, 3.7 MB compressed) with the code; nothing is loaded
 * from other hosts.
 * @throws {EngineError} `no-backend`: WebAssembly SIMD is missing, or the file cannot be loaded
 */
export async function createBrowserEngine(): Promise<Engine> {
  try {
    const runtime = await import('onnxruntime-web/wasm');
    // More threads need SharedArrayBuffer, which browsers only allow with special headers and HTTPS.
    runtime.env.wasm.numThreads = 1;
    return new SessionEngine({ name: 'wasm', runtime }, 1, null);
  } catch (error) {
    throw new EngineError('no-backend', `cannot load the WebAssembly engine: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
