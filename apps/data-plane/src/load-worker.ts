/** Thread of a load generator: a client like any other, so that it shares nothing with what it measures. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadBodies, pictureBodies } from './load/bodies.ts';
import type { FromLoadWorker, LoadWorkerData, ToLoadWorker } from './load/messages.ts';
import { LoadRun } from './load/run.ts';
import { seededUniform } from './load/seeded-uniform.ts';

const STATUS_EVERY_MS = 200;

const { host, port, path, token, inputs, load, seed } = workerData as LoadWorkerData;
const random = seededUniform(seed);
const bodies = load.pictures ? pictureBodies(inputs, load.pictures) : loadBodies(inputs, random);
const run = new LoadRun({ host, port, path, token, bodies }, load, random);

function report(): void {
  parentPort?.postMessage({ kind: 'status', status: run.status() } satisfies FromLoadWorker);
}

parentPort?.on('message', (message: ToLoadWorker) => {
  if (message.kind === 'stop') void run.stop();
});
const timer = setInterval(report, STATUS_EVERY_MS);
void run.finished.then(() => {
  clearInterval(timer);
  report();
  parentPort?.close();
});
