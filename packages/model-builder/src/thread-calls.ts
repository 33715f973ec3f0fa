/**
 * Calls between the main thread and the model builder's thread. Arguments and results are plain data and are
 * cloned.
 */
import { createLog } from '@sparewheel/runtime/log';
import { createBirpc } from 'birpc';
import type { JobProgress, ModelBuilderJob, ModelBuilderResults } from './messages.ts';

const log = createLog('model-builder');

/** Functions of the model builder's thread. */
export interface ThreadFunctions {
  /** Runs a job. Rejects with an ErrorReport: cloning an ApiError would lose its fields. */
  run(job: number, body: ModelBuilderJob): Promise<ModelBuilderResults[keyof ModelBuilderResults]>;
  /** Ends every child process, so that the thread can be terminated. */
  close(): void;
}

/** Functions of the main thread. */
export interface MainFunctions {
  progress(job: number, progress: JobProgress): void;
}

/** One end of the channel between the two threads: a Worker, a MessagePort, or the double of a test. */
export interface CallChannel {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** Returns the thread's functions, for the main thread. */
export function callThread(thread: CallChannel, functions: MainFunctions) {
  return createBirpc<ThreadFunctions, MainFunctions>(functions, optionsFor(thread));
}

/** Answers the main thread's calls. Returns the main thread's functions. */
export function serveMain(port: CallChannel, functions: ThreadFunctions) {
  return createBirpc<MainFunctions, ThreadFunctions>(functions, {
    ...optionsFor(port),
    eventNames: ['progress'],
  });
}

function optionsFor(channel: CallChannel) {
  return {
    post: (message: unknown) => channel.postMessage(message),
    on: (listener: (message: unknown) => void) => void channel.on('message', listener),
    // No timeout: encoding the shards of a large model takes minutes.
    timeout: -1,
    // birpc would ignore an error of a progress listener.
    onFunctionError: (error: Error, name: string): void => {
      if (name === 'progress') log.error({ err: error }, 'a progress listener failed');
    },
  };
}
