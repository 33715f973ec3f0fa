/**
 * Entry of the load generator's thread. It is an ordinary HTTP client and shares nothing with the server it
 * measures.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { seededRandom } from '@sparewheel/zoo/random';
import { loadBodies, pictureBodies } from './load/bodies.ts';
import type { FromLoadWorker, LoadWorkerData, ToLoadWorker } from './load/generator.ts';
import { LoadRun } from './load/run.ts';

const STATUS_INTERVAL_MS = 200;

const { host, port, path, token, inputs, load, seed } = workerData as LoadWorkerData;
const random = seededRandom(seed).uniform;
const bodies = load.pictures ? pictureBodies(inputs, load.pictures) : loadBodies(inputs, random);
const run = new LoadRun({ host, port, path, token, bodies }, load, random);

function report(): void {
  parentPort?.postMessage({ kind: 'status', status: run.status() } satisfies FromLoadWorker);
}

parentPort?.on('message', (message: ToLoadWorker) => {
  if (message.kind === 'stop') void run.stop();
});
const timer = setInterval(report, STATUS_INTERVAL_MS);
void run.finished.then(() => {
  clearInterval(timer);
  report();
  parentPort?.close();
});
