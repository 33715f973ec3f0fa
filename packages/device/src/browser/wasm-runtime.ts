import { type Engine, EngineError } from '@sparewheel/engine/contract';

/**
 * Records the memory of every WebAssembly program that starts after this call. Browsers do not report a
 * Worker's memory, and ONNX Runtime keeps nearly all of it in these heaps.
 * @returns reads their total size now, in bytes; a heap never shrinks
 */
export function trackWasmHeap(wasm: typeof WebAssembly = WebAssembly): () => number {
  const memories: WebAssembly.Memory[] = [];
  wasm.Memory = new Proxy(wasm.Memory, {
    construct(target, parameters: [WebAssembly.MemoryDescriptor]) {
      const memory = new target(...parameters);
      memories.push(memory);
      return memory;
    },
  });
  return () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
}

/**
 * Wraps an engine so that a crash of its WebAssembly program rejects with `worker-crashed`. After a trap or
 * an abort, out of memory for example, the program's state is undefined and every later call would fail.
 */
export function detectCrashes(engine: Engine): Engine {
  return {
    backend: engine.backend,
    load: (key, source, options) => engine.load(key, source, options),
    run: (key, feeds, fetches) =>
      engine.run(key, feeds, fetches).catch((error: unknown) => {
        throw isCrash(error)
          ? new EngineError('worker-crashed', (error as Error).message, { cause: error })
          : error;
      }),
    unload: (key) => engine.unload(key),
    close: () => engine.close(),
  };
}

function isCrash(error: unknown): boolean {
  const cause = error instanceof EngineError ? error.cause : error;
  if (cause instanceof WebAssembly.RuntimeError) return true;
  // Emscripten's abort(), and allocations that the browser refused.
  return (
    cause instanceof Error && /^Aborted\b|out of memory|memory access out of bounds/i.test(cause.message)
  );
}
