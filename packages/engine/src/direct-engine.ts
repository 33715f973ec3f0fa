import { loadBackend } from './backend.ts';
import type { Engine, EngineOptions } from './engine.ts';
import { readModelFiles } from './model-files.ts';
import { SessionEngine } from './session-engine.ts';

/**
 * Runs models in the calling thread, which a run **blocks** for as long as it computes: use createWorkerEngine where
 * anything else has to go on.
 * @throws {EngineError} `no-backend`
 */
export async function createDirectEngine(options: EngineOptions = {}): Promise<Engine> {
  return new SessionEngine(await loadBackend(options), options.intraOpNumThreads ?? 1, readModelFiles);
}
