/** Entry of the Worker that runs a tab's device. */
import type { Outcome } from '@sparewheel/protocol';
import type { ConnectedDevice } from '../connected-device.ts';
import { failureOutcome } from '../control.ts';
import { runTabDevice } from './run-tab-device.ts';
import type { FromDeviceWorker, ToDeviceWorker } from './worker-messages.ts';

const send = (message: FromDeviceWorker) => postMessage(message);

let device: ConnectedDevice | null = null;

// An unexpected error, usually an engine crash, ends the device. The page then starts a new one with the same shards.
// Errors reach the page without this handler, unhandled rejections do not.
addEventListener('unhandledrejection', ({ reason }) => {
  send({ kind: 'failed', message: reason instanceof Error ? reason.message : String(reason) });
});

addEventListener('message', async ({ data }: MessageEvent<ToDeviceWorker>) => {
  if (data.kind === 'fault') {
    send({ kind: 'outcome', call: data.call, outcome: outcomeOf(data.fault) });
    return;
  }
  try {
    device = await runTabDevice(data.settings, (report) => send({ kind: 'report', report }));
  } catch (error) {
    send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
});

function outcomeOf(fault: unknown): Outcome {
  if (device === null)
    return { ok: false, code: 'not-running', message: 'the device is starting; try again' };
  try {
    device.setFault(fault);
    return { ok: true };
  } catch (error) {
    return failureOutcome(error);
  }
}
