/**
 * Entry of the model builder's thread. Jobs may run concurrently; the caller serializes jobs that write
 * blobs.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { createLog } from '@sparewheel/runtime/log';
import { BlobStore } from './blob-store.ts';
import { jobErrorReport } from './job-error.ts';
import { runJob } from './jobs.ts';
import type { ModelBuilderOptions } from './messages.ts';
import { serveMain } from './thread-calls.ts';

if (parentPort === null) throw new Error('worker.ts must run as a worker thread; use ModelBuilder.inThread');

const { blobs, scratch } = workerData as ModelBuilderOptions;
const log = createLog('model-builder');
const closing = new AbortController();
const tools = { blobs: new BlobStore(blobs), scratch, closing: closing.signal };

const main = serveMain(parentPort, {
  async run(job, body) {
    try {
      return await runJob(body, tools, (progress) => void main.progress(job, progress));
    } catch (error) {
      const report = jobErrorReport(error);
      // An unexpected error: the log gets the stack trace, the client only the report.
      if (report.status === 500) log.error({ err: error }, 'unexpected error in a job');
      throw report;
    }
  },
  close() {
    closing.abort(new Error('the model builder is closing'));
  },
});
