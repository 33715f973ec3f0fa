/** The faults of a device and their words. Safe for browsers. */
import type { DelayQuantiles, Fault } from './wire.ts';

/** A fault that the device process emulates. */
export type EmulatedFault = Exclude<Fault, { kind: 'heal' }>;
/** A fault that an operator injected. Kill and pause are signals to the process. */
export type InjectedFault = EmulatedFault | { readonly kind: 'kill' | 'pause' };
/** Why a device failed: an operator injected it, or the coordinator noticed it. */
export type DeviceFailure = InjectedFault | { readonly kind: 'loss' | 'quarantine' };

/** Returns whether a device emulates the fault. The others stop it. */
export function isEmulated(fault: DeviceFailure): fault is EmulatedFault {
  return !['kill', 'pause', 'loss', 'quarantine'].includes(fault.kind);
}

/** Returns whether the fault ends a fault of its kind: a delay of 0, a slowdown of 1. */
export function isNeutral(fault: EmulatedFault): boolean {
  if (fault.kind === 'slow') return fault.factor === 1;
  return fault.kind === 'delay' && fault.ms === 0 && fault.quantiles === undefined;
}

/** Describes a fault in one to four words: "killed", "delay 50 ms". */
export function faultWords(fault: DeviceFailure): string {
  switch (fault.kind) {
    case 'kill':
      return 'killed';
    case 'pause':
      return 'paused';
    case 'loss':
      return 'lost';
    case 'quarantine':
      return 'quarantined';
    case 'partition':
      return 'partition';
    case 'delay':
      if (fault.quantiles !== undefined) {
        return `delay drawn, median ${Math.round(fault.ms + medianMs(fault.quantiles))} ms`;
      }
      return fault.sigma > 0 ? `delay ${fault.ms} ms (σ ${fault.sigma})` : `delay ${fault.ms} ms`;
    case 'slow':
      return `slow × ${fault.factor}`;
    case 'drop':
      return `drop ${Math.round(fault.probability * 100)} %`;
    case 'corrupt':
      return fault.probability < 1
        ? `corrupt by ${fault.amount} in ${Math.round(fault.probability * 100)} %`
        : `corrupt by ${fault.amount}`;
  }
}

/** Says what happened to a device, without a period: "local-4 is killed", "local-4: delay 50 ms". */
export function faultSentence(device: string, fault: DeviceFailure): string {
  return isEmulated(fault) ? `${device}: ${faultWords(fault)}` : `${device} is ${faultWords(fault)}`;
}

function medianMs(points: DelayQuantiles): number {
  const at = points.findIndex(({ share }) => share >= 0.5);
  const [from, to] = [points[at - 1]!, points[at]!];
  return from.ms + ((to.ms - from.ms) * (0.5 - from.share)) / (to.share - from.share);
}
