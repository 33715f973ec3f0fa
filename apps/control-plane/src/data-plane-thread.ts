import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { DataPlaneOptions, DataPlaneThread } from '@sparewheel/data-plane-client';
import { siblingEntry } from '@sparewheel/runtime/entry';

/**
 * The heap of the data plane grows to this size before V8 collects all of it. Tensors count as heap and die young:
 * collections of the young generation free them. With V8's default, they cause more than one full collection per
 * request of a large network (see bench/NOTES.md).
 */
const HEAP_MB = 256;

/** Starts the data plane as a worker thread of this process. */
export function startDataPlaneThread(options: DataPlaneOptions): DataPlaneThread {
  const { threadUrl } = siblingEntry(import.meta.url, {
    source: '../../data-plane/src/worker.ts',
    bundled: './data-plane.js',
  });
  // Holds for heaps that are created from now on. A worker has no option for it.
  setFlagsFromString(`--initial-old-space-size=${HEAP_MB}`);
  return new Worker(threadUrl, { workerData: options, name: 'data-plane' });
}
