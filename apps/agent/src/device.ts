/**
 * The device process: one child of the supervisor, which starts it and tells it who it is. It ends with its
 * supervisor, so that nothing is ever left behind.
 */

import type { ConnectedDevice } from '@sparewheel/device';
import { refusalOf } from '@sparewheel/device';
import type { Outcome } from '@sparewheel/protocol';
import type { FromDeviceProcess, ToDeviceProcess } from './device-messages.ts';
import { runDevice } from './run-device.ts';

if (process.send === undefined) {
  console.error('sparewheel: the device process is started by the agent; run `npm run agent`');
  process.exit(2);
}
const tell = (message: FromDeviceProcess, sent = () => {}) => process.send?.(message, sent);

process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole process group; the supervisor decides what it means.
process.on('SIGINT', () => {});
// Whatever nobody expected ends the process: the supervisor starts a fresh one, which has all its shards.
process.on('uncaughtException', (error) => {
  tell({ kind: 'log', message: error.message }, () => process.exit(1));
});

let device: ConnectedDevice | null = null;

process.on('message', async (message: ToDeviceProcess) => {
  if (message.kind === 'start') {
    device = await runDevice(message.settings, (text) => tell({ kind: 'log', message: text }));
  } else {
    tell({ kind: 'outcome', call: message.call, outcome: outcomeOf(message.fault) });
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
