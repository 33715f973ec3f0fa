/** The model builder's thread. Jobs may be under way together; those that write blobs are sent one at a time. */
import { parentPort, workerData } from 'node:worker_threads';
import { BlobStore } from './blob-store.ts';
import { jobErrorReport } from './job-error.ts';
import { runJob } from './jobs.ts';
import type { CloseMessage, JobMessage, ModelBuilderMessage, ModelBuilderOptions } from './messages.ts';

const port = parentPort;
if (port === null) throw new Error('the model builder is a worker thread');

const { blobs, scratch } = workerData as ModelBuilderOptions;
const closing = new AbortController();
const tools = { blobs: new BlobStore(blobs), scratch, closing: closing.signal };
const send = (message: ModelBuilderMessage) => port.postMessage(message);

port.on('message', async (message: JobMessage | CloseMessage) => {
  if ('close' in message) {
    closing.abort(new Error('the model builder closes'));
    send({ kind: 'closed' });
    return;
  }
  const { job, body } = message;
  try {
    const value = await runJob(body, tools, (progress) => send({ kind: 'progress', job, ...progress }));
    send({ kind: 'done', job, value });
  } catch (error) {
    const failure = jobErrorReport(error);
    // Nobody foresaw it: the person who runs Sparewheel gets the trace, the one who asked does not.
    if (failure.status === 500) console.error(error);
    send({ kind: 'failed', job, failure });
  }
});
