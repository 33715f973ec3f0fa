import { Worker } from 'node:worker_threads';
import type { DataPlaneOptions, DataPlaneThread } from '@sparewheel/data-plane-client';
import { siblingEntry } from '@sparewheel/runtime/entry';

/** Starts the data plane as a worker thread of this process. */
export function startDataPlaneThread(options: DataPlaneOptions): DataPlaneThread {
  const { threadUrl } = siblingEntry(import.meta.url, {
    source: '../../data-plane/src/worker.ts',
    bundled: './data-plane.js',
  });
  return new Worker(threadUrl, { workerData: options, name: 'data-plane' });
}
