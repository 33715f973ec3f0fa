import type * as Runtime from 'onnxruntime-common';
import type { EngineOptions } from './engine.ts';
import { EngineError, messageOf } from './engine-error.ts';

export interface Backend {
  readonly name: 'native' | 'wasm';
  readonly runtime: typeof Runtime;
}

/** How the two packages are imported; a test may say otherwise. */
const IMPORTS = {
  native: (): Promise<unknown> => import('onnxruntime-node'),
  wasm: () => import('onnxruntime-web'),
};

/**
 * Imports ONNX Runtime: the native binding where this platform has one (linux x64/arm64 with glibc, macOS arm64,
 * Windows), else WebAssembly, which runs everywhere and is 1.3 × (fully-connected) to 7 × (convolution) slower.
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
      const reason = `the native engine does not load here: ${messageOf(error)}`;
      if (wanted === 'native') throw new EngineError('no-backend', reason, { cause: error });
      options.log?.(`${reason}; using WebAssembly instead`);
    }
  }
  try {
    const module = await imports.wasm();
    // More threads would be workers of their own, and SharedArrayBuffer, for which a browser wants special headers.
    module.env.wasm.numThreads = 1;
    return { name: 'wasm', runtime: module as unknown as typeof Runtime };
  } catch (error) {
    throw new EngineError('no-backend', `the WebAssembly engine does not load: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
