import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-common';
import { type Backend, messageOf } from './backend.ts';
import { EngineError, type ModelSource } from './engine.ts';

/**
 * Opens a session with the settings that a small device wants.
 * @throws {EngineError} `invalid-model`
 */
export async function openSession(
  backend: Backend,
  source: ModelSource,
  intraOpNumThreads: number,
  mapped: boolean,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // ONNX Runtime's own warnings would go to the terminal of whoever runs the process.
    logSeverityLevel: 3,
    ...(mapped ? { extra: { session: { disable_prepacking: '1' } } } : {}),
  };
  const { InferenceSession: Session } = backend.runtime;
  try {
    if (source.kind === 'file' && backend.name === 'native')
      return await Session.create(source.path, options);
    const { graph, externalData } = source.kind === 'bytes' ? source : await readFiles(source);
    const files = (externalData ?? []).map(({ location, data }) => ({ path: location, data }));
    return await Session.create(graph, files.length === 0 ? options : { ...options, externalData: files });
  } catch (error) {
    throw new EngineError('invalid-model', `the model cannot be loaded: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function readFiles(source: Extract<ModelSource, { kind: 'file' }>) {
  const folder = dirname(source.path);
  return {
    graph: new Uint8Array(await readFile(source.path)),
    externalData: await Promise.all(
      (source.externalData ?? []).map(async (location) => ({
        location,
        data: new Uint8Array(await readFile(join(folder, location))),
      })),
    ),
  };
}
