/** The Worker in which a tab's device lives. An entry of its own. */
import type { Outcome } from '@sparewheel/protocol';
import type { ConnectedDevice } from '../connected-device.ts';
import { refusalOf } from '../control.ts';
import type { FromDeviceWorker, ToDeviceWorker } from './device-report.ts';
import { runTabDevice } from './run-tab-device.ts';

const tell = (message: FromDeviceWorker) => postMessage(message);

let device: ConnectedDevice | null = null;

// Whatever nobody expected, a crashed engine first of all, ends the device: the page starts a fresh one, which has its
// shards. A Worker tells its page of errors by itself, but not of promises that nobody waits for.
addEventListener('unhandledrejection', ({ reason }) => {
  tell({ kind: 'failed', message: reason instanceof Error ? reason.message : String(reason) });
});

addEventListener('message', async ({ data }: MessageEvent<ToDeviceWorker>) => {
  if (data.kind === 'fault') {
    tell({ kind: 'outcome', call: data.call, outcome: outcomeOf(data.fault) });
    return;
  }
  try {
    device = await runTabDevice(data.settings, (report) => tell({ kind: 'report', report }));
  } catch (error) {
    tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
});

function outcomeOf(fault: unknown): Outcome {
  if (device === null) return { ok: false, code: 'not-running', message: 'the device is still starting' };
  try {
    device.setFault(fault);
    return { ok: true };
  } catch (error) {
    return refusalOf(error);
  }
}
