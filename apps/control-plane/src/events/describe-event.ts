/** What happened on the data plane, as a sentence for the event list. Pure. */
import type { DataPlaneMessage } from '@sparewheel/data-plane-client';
import type { NewEvent } from './event-log.ts';

type Happening = Extract<DataPlaneMessage, { kind: 'event' }>['event'];

/**
 * @param nameOf  a device's name by id
 * @returns null for what is progress and no event
 */
export function describeEvent(event: Happening, nameOf: (device: string) => string): NewEvent | null {
  switch (event.kind) {
    case 'device-joined':
      return device(event, 'info', `${nameOf(event.device)} joined the fleet.`);
    case 'device-returned':
      return device(event, 'info', `${nameOf(event.device)} returned.`);
    case 'device-lost':
      return device(event, 'warning', `${nameOf(event.device)} is lost: ${event.reason}.`);
    case 'device-silent':
      return device(event, 'warning', `${nameOf(event.device)} is connected but does not answer.`);
    case 'device-answering':
      return device(event, 'info', `${nameOf(event.device)} answers again.`);
    case 'device-quarantined':
      return device(event, 'error', `${nameOf(event.device)} is in quarantine: ${event.reason}.`);
    case 'device-released':
      return device(event, 'info', `${nameOf(event.device)} is out of quarantine.`);
    case 'deployment-state':
      return {
        kind: event.kind,
        level: event.state === 'rescuing' ? 'warning' : event.state === 'unavailable' ? 'error' : 'info',
        message: `${event.deployment} is ${event.state}${event.reason === null ? '' : `: ${event.reason}`}.`,
        device: null,
        deployment: event.deployment,
      };
    case 'install-started':
      return install(
        event,
        'info',
        `Installing seat ${event.seat} of ${event.deployment} on ${nameOf(event.device)}.`,
      );
    case 'install-progress':
      return null;
    case 'install-finished':
      return install(
        event,
        'info',
        `${nameOf(event.device)} serves seat ${event.seat} of ${event.deployment}${
          event.transferredBytes === 0
            ? ' from its own store, without a transfer'
            : ` after ${megabytes(event.transferredBytes)} of shards`
        }.`,
      );
    case 'install-failed':
      return install(
        event,
        'warning',
        `Seat ${event.seat} of ${event.deployment} could not be installed on ${nameOf(event.device)}: ${event.reason}.`,
      );
    case 'seat-reassigned':
      return {
        kind: event.kind,
        level: 'info',
        message:
          event.from === null
            ? `Seat ${event.seat} of ${event.deployment} is assigned to ${nameOf(event.to)}.`
            : `Seat ${event.seat} of ${event.deployment} moves from ${nameOf(event.from)} to ${nameOf(event.to)}.`,
        device: event.to,
        deployment: event.deployment,
      };
    case 'corruption':
      return {
        kind: event.kind,
        level: 'error',
        message: `Wrong answer in step ${event.step} of request ${event.request} to ${event.deployment} (residual ${event.residual.toPrecision(3)}, tolerance ${event.threshold.toPrecision(3)}): ${
          event.faultyDevices.length === 0
            ? 'the faulty device is unknown'
            : `sent by ${event.faultyDevices.map(nameOf).join(' and ')}`
        }${event.answeredWrong ? '. The response of the request was wrong' : ''}.`,
        device: event.faultyDevices[0] ?? null,
        deployment: event.deployment,
      };
    case 'fault-injected':
    case 'fault-healed':
    case 'device-revived':
    case 'device-refused':
    case 'device-forgotten':
      return {
        kind: event.kind,
        level: event.kind === 'fault-injected' || event.kind === 'device-refused' ? 'warning' : 'info',
        message: event.message,
        device: event.device,
        deployment: null,
      };
  }
}

function device(
  event: { readonly kind: string; readonly device: string },
  level: NewEvent['level'],
  message: string,
): NewEvent {
  return { kind: event.kind, level, message: sentence(message), device: event.device, deployment: null };
}

function install(
  event: { readonly kind: string; readonly device: string; readonly deployment: string },
  level: NewEvent['level'],
  message: string,
): NewEvent {
  return {
    kind: event.kind,
    level,
    message: sentence(message),
    device: event.device,
    deployment: event.deployment,
  };
}

/** Removes the second period after a reason that ends with one. */
function sentence(text: string): string {
  return text.replace(/\.\.$/, '.');
}

function megabytes(bytes: number): string {
  return bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
