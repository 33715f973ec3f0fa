import type { InferenceSession } from 'onnxruntime-common';
import type { Backend } from './backend.ts';
import type { ModelSource } from './engine.ts';
import { EngineError, messageOf } from './engine-error.ts';

/** Brings a model that lies in files into memory, for a backend without a file system. */
export type ReadModelFiles = (
  source: Extract<ModelSource, { kind: 'file' }>,
) => Promise<Omit<Extract<ModelSource, { kind: 'bytes' }>, 'kind'>>;

/**
 * Opens a session with the settings that a small device wants.
 * @param readFiles  null where there are no files, as in a browser
 * @throws {EngineError} `invalid-model`
 */
export async function openSession(
  backend: Backend,
  source: ModelSource,
  intraOpNumThreads: number,
  mapped: boolean,
  readFiles: ReadModelFiles | null,
): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // An arena would be each session's own and keep its largest need; malloc, shared by all of them, is as fast.
    enableCpuMemArena: false,
    graphOptimizationLevel: 'all',
    // ONNX Runtime's own warnings would go to the terminal of whoever runs the process.
    logSeverityLevel: 3,
    ...(mapped ? { extra: { session: { disable_prepacking: '1' } } } : {}),
  };
  const { InferenceSession: Session } = backend.runtime;
  try {
    if (source.kind === 'file' && backend.name === 'native')
      return await Session.create(source.path, options);
    const { graph, externalData } = source.kind === 'bytes' ? source : await filesOf(source, readFiles);
    const files = (externalData ?? []).map(({ location, data }) => ({ path: location, data }));
    return await Session.create(graph, files.length === 0 ? options : { ...options, externalData: files });
  } catch (error) {
    throw new EngineError('invalid-model', `the model cannot be loaded: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function filesOf(source: Extract<ModelSource, { kind: 'file' }>, readFiles: ReadModelFiles | null) {
  if (readFiles === null) throw new Error('there are no files here; hand over its bytes');
  return readFiles(source);
}
