import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { loadBackend } from './backend.ts';
import type { Engine, EngineOptions } from './engine.ts';
import { type ReadModelFiles, SessionEngine } from './session-engine.ts';

/**
 * Creates an engine that runs models in the calling thread. A run **blocks** the thread while it computes;
 * use `createWorkerEngine` in a program that must stay responsive.
 * @throws {EngineError} `no-backend`
 */
export async function createDirectEngine(options: EngineOptions = {}): Promise<Engine> {
  return new SessionEngine(await loadBackend(options), options.intraOpNumThreads ?? 1, readModelFiles);
}

const readModelFiles: ReadModelFiles = async ({ path, externalData = [] }) => ({
  graph: new Uint8Array(await readFile(path)),
  externalData: await Promise.all(
    externalData.map(async (location) => ({
      location,
      data: new Uint8Array(await readFile(join(dirname(path), location))),
    })),
  ),
});
