import { LIMITS } from '@sparewheel/protocol';
import { PlanRefusedError } from '../errors.ts';
import type { Step } from '../plan.ts';
import type { ModelProfile } from '../profile.ts';
import { codedPart, replicaPart } from '../seats/seats.ts';

/** The part of a frame that is kept for its header and the shapes of its tensors. */
const HEADER_BYTES = 64 * 1024;
const MOST_BYTES = LIMITS.frameBytes - HEADER_BYTES;

/** Returns why tensors cannot be sent in one message, as a phrase to display; null if they can. */
export function whyNotSent(what: 'input' | 'answer', bytes: number): string | null {
  if (bytes <= MOST_BYTES) return null;
  return `its ${what} of ${megabytes(bytes)} MB for one device exceeds the limit of one message, ${megabytes(MOST_BYTES)} MB`;
}

/** @throws {PlanRefusedError} MESSAGE_TOO_LARGE  a step sends a device, or gets from it, more than one message can carry */
export function requireSendable(profile: ModelProfile, steps: readonly Step[]): void {
  for (const step of steps) {
    if (step.kind === 'local') continue;
    for (const position of step.seats.keys()) {
      const part = step.kind === 'coded' ? codedPart(profile, step, position) : replicaPart(profile, step);
      const reason = whyNotSent('input', part.bytesIn) ?? whyNotSent('answer', part.bytesOut);
      if (reason === null) continue;
      const layer = step.kind === 'coded' ? step.layer : profile.layers[step.nodes[0]!]!.name;
      throw new PlanRefusedError(
        'MESSAGE_TOO_LARGE',
        `step ${step.id} (${step.kind === 'coded' ? step.layer : step.summary}) cannot run on a device: ${reason}`,
        'choose a larger k, leave this layer out of "layers", or use a smaller input size',
        layer,
      );
    }
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
