/** What happened on the data plane, as a sentence for the event list. Pure. */
import type { DataPlaneMessage } from '@sparewheel/data-plane-client';
import { type EventMeasures, faultSentence } from '@sparewheel/protocol';
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
    case 'outage-began':
      return outage(
        event,
        'error',
        `${event.deployment} cannot answer, because ${subject(event.device)} failed. ${requests(event.inFlight)} waiting.`,
        { requests: event.inFlight },
      );
    case 'failure-detected':
      return outage(
        event,
        'warning',
        `${event.deployment} detected the failure of ${subject(event.device)} after ${duration(event.afterMs)}.`,
        { durationMs: event.afterMs },
      );
    case 'redistribution-began':
      return outage(
        event,
        'warning',
        `${nameOf(event.device)} loads shard ${event.seat} of ${event.deployment}${event.from === null ? '' : ` for ${nameOf(event.from)}`}, as a second task.`,
        {},
      );
    case 'redistribution-finished':
      return outage(
        event,
        'warning',
        `${nameOf(event.device)} loaded shard ${event.seat} of ${event.deployment} in ${duration(event.afterMs)}${
          event.transferredBytes === 0 ? '' : ` (${megabytes(event.transferredBytes)})`
        }. It computes two shards in turn, so ${event.deployment} is slower.`,
        { durationMs: event.afterMs, bytes: event.transferredBytes },
      );
    case 'redistribution-failed':
      return outage(
        event,
        'warning',
        `${nameOf(event.device)} could not load shard ${event.seat} of ${event.deployment}: ${event.reason}.`,
        {},
      );
    case 'outage-ended':
      return outage(
        event,
        'info',
        `${event.deployment} answers again, ${duration(event.afterMs)} after ${subject(event.device)} failed. ${requests(event.inFlight)} waiting.`,
        { durationMs: event.afterMs, requests: event.inFlight },
      );
    case 'slowdown-ended':
      return outage(
        event,
        'info',
        `${nameOf(event.device)} computes shard ${event.seat} of ${event.deployment} again. ${nameOf(event.substitute)} computed it for ${duration(event.afterMs)}.`,
        { durationMs: event.afterMs },
      );
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
    case 'disagreement':
      return {
        kind: event.kind,
        level: 'warning',
        message:
          event.cause === 'plan'
            ? `The plan of ${event.deployment} expects another shape in step ${event.step} than the model gives. No device is blamed.`
            : `Devices differ in step ${event.step} of request ${event.request} to ${event.deployment} as correct devices can: ${
                event.residual === null
                  ? 'in shapes or integers'
                  : `by ${event.residual.toPrecision(3)} of the largest value`
              }. The data plane computed the answer. No device is blamed.`,
        device: null,
        deployment: event.deployment,
      };
    case 'network-set':
      // The control plane reports the preset once, not for each device.
      return null;
    case 'fault-injected':
      return device(event, 'warning', `${faultSentence(nameOf(event.device), event.fault)}.`);
    case 'fault-healed':
      return device(event, 'info', healed(event.ended, nameOf(event.device)));
    case 'device-revived':
      return device(event, 'info', `${nameOf(event.device)} is revived.`);
    case 'device-forgotten':
      return device(event, 'info', `${event.name} is forgotten.`);
    case 'device-refused': {
      const { kind, message } = event;
      return { kind, level: 'warning', message, device: event.device, deployment: null };
    }
  }

  function subject(failed: string | null): string {
    return failed === null ? 'a device' : nameOf(failed);
  }
}

function outage(
  event: {
    readonly kind: string;
    readonly device: string | null;
    readonly deployment: string;
    readonly seat: number;
  },
  level: NewEvent['level'],
  message: string,
  measures: EventMeasures,
): NewEvent {
  const { kind, device, deployment, seat } = event;
  return { kind, level, message: sentence(message), device, deployment, seat, ...measures };
}

function healed(ended: Extract<Happening, { kind: 'fault-healed' }>['ended'], name: string): string {
  if (ended === 'all') return `The emulated faults of ${name} are ended.`;
  return ended === 'pause' ? `${name} is resumed.` : `The fault "${ended}" of ${name} is ended.`;
}

function requests(count: number): string {
  return count === 1 ? '1 request is' : `${count} requests are`;
}

function duration(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
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
