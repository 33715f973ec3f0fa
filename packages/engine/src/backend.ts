import type * as Runtime from 'onnxruntime-common';
import type { EngineOptions } from './engine.ts';
import { EngineError, messageOf } from './engine-error.ts';

export interface Backend {
  readonly name: 'native' | 'wasm';
  readonly runtime: typeof Runtime;
}

/** Imports the two packages. Tests replace the functions. */
const IMPORTS = {
  native: (): Promise<unknown> => import('onnxruntime-node'),
  wasm: () => import('onnxruntime-web'),
};

/**
 * Imports ONNX Runtime: the native binding if this platform has one (Linux x64/arm64 with glibc, macOS arm64,
 * Windows), otherwise WebAssembly. WebAssembly is 1.3 × (fully connected) to 7 × (convolution) slower.
 * @throws {EngineError} `no-backend`
 */
export async function loadBackend(options: EngineOptions, imports = IMPORTS): Promise<Backend> {
  const wanted = options.backend ?? 'auto';
  if (wanted !== 'wasm') {
    try {
      const module = await imports.native();
      return {
        name: 'native',
        runtime: ((module as { default?: unknown }).default ?? module) as typeof Runtime,
      };
    } catch (error) {
      const reason = `cannot load the native engine: ${messageOf(error)}`;
      if (wanted === 'native') throw new EngineError('no-backend', reason, { cause: error });
      options.log?.(`${reason}; using WebAssembly instead`);
    }
  }
  try {
    const module = await imports.wasm();
    // More threads need SharedArrayBuffer, which browsers only allow with special headers.
    module.env.wasm.numThreads = 1;
    return { name: 'wasm', runtime: module as unknown as typeof Runtime };
  } catch (error) {
    throw new EngineError('no-backend', `cannot load the WebAssembly engine: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
