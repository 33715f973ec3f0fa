/** Entry of the child process that `canonicalizeInChild` starts for one model. */

import { DynamicShapeError, ExternalDataError, ModelRejectedError } from '@sparewheel/onnx';
import { convertTfjsFiles } from '@sparewheel/tfjs-import';
import { type CanonicalModel, canonicalize } from './canonical.ts';
import type { ChildJob, ChildReply } from './isolated.ts';

process.once('message', async (job: ChildJob) => {
  let reply: ChildReply;
  try {
    reply = { kind: 'done', model: await convert(job) };
  } catch (error) {
    reply = failureReply(error);
  }
  process.send!(reply, () => process.disconnect());
});

function convert(job: ChildJob): Promise<CanonicalModel> {
  if ('modelPath' in job) return canonicalize(job);
  const { tfjsJsonPaths, ...options } = job;
  return canonicalize({ ...options, modelPath: convertTfjsFiles(tfjsJsonPaths, job.scratchDirectory) });
}

function failureReply(error: unknown): ChildReply {
  if (error instanceof DynamicShapeError) {
    return { kind: 'dynamic-shape', input: error.input };
  }
  if (error instanceof ExternalDataError) {
    const { tensor, location, problem } = error;
    return { kind: 'external-data', tensor, location, problem };
  }
  if (error instanceof ModelRejectedError) {
    return { kind: 'rejected', code: error.code, message: error.message, hint: error.hint };
  }
  const system = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return { kind: 'failed', message: error instanceof Error ? error.message : String(error), system };
}
