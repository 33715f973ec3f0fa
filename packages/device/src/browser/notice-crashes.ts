import { type Engine, EngineError } from '@sparewheel/engine/contract';

/**
 * Tells a program that is broken from a computation that failed: after a trap or an abort, out of memory say, nothing
 * that this WebAssembly program does can be trusted, and every later call would fail as well.
 */
export function noticeCrashes(engine: Engine): Engine {
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
  // Emscripten's abort(), and an allocation that the browser refused.
  return (
    cause instanceof Error && /^Aborted\b|out of memory|memory access out of bounds/i.test(cause.message)
  );
}
