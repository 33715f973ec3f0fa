/** Entry of the data plane's worker thread. Receives calls; posts replies and notices. */
import { parentPort, workerData } from 'node:worker_threads';
import type { CallMessage, DataPlaneMessage, DataPlaneOptions } from '@sparewheel/data-plane-client';
import { ApiError, errorReport } from '@sparewheel/protocol';
import { DataPlane } from './data-plane.ts';
import { ListenError } from './listener.ts';
import { log } from './log.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts must run as a worker thread of the control plane');
const post = (message: DataPlaneMessage): void => port.postMessage(message);

try {
  const plane = await DataPlane.start(workerData as DataPlaneOptions, post);
  port.on('message', ({ call, body }: CallMessage) => {
    plane.call(body).then(
      (value) => {
        post({ kind: 'reply', call, ok: true, value });
        if (body.kind === 'stop') port.close();
      },
      (error: unknown) => {
        if (!(error instanceof ApiError)) log.error({ err: error }, `the call '${body.kind}' failed`);
        post({ kind: 'reply', call, ok: false, failure: errorReport(error) });
      },
    );
  });
  post({ kind: 'listening', port: plane.port, grpcPort: plane.grpcPort });
} catch (error) {
  const code = error instanceof ListenError ? error.code : 'cannot-start';
  post({ kind: 'failed', code, message: error instanceof Error ? error.message : String(error) });
  port.close();
}
