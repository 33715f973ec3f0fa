/** Entry of the device process. The supervisor starts it and sends its settings. It ends with the supervisor. */
import { type ConnectedDevice, failureOutcome } from '@sparewheel/device';
import type { Outcome } from '@sparewheel/protocol';
import type { FromDeviceProcess, ToDeviceProcess } from './device-messages.ts';
import { runDevice } from './run-device.ts';

if (process.send === undefined) {
  console.error('sparewheel: only the agent can start a device process; run `npm run agent`');
  process.exit(2);
}
const send = (message: FromDeviceProcess, sent = () => {}) => process.send?.(message, sent);

process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole process group. The supervisor handles it and ends its devices.
process.on('SIGINT', () => {});
// An unexpected error ends this process. The supervisor then starts a new one with the same shards.
process.on('uncaughtException', (error) => {
  send({ kind: 'log', message: error.message }, () => process.exit(1));
});

let device: ConnectedDevice | null = null;

process.on('message', async (message: ToDeviceProcess) => {
  if (message.kind === 'start') {
    device = await runDevice(message.settings, (text) => send({ kind: 'log', message: text }));
  } else {
    send({ kind: 'outcome', call: message.call, outcome: outcomeOf(message.fault) });
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
