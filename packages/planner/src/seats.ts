import { codedPart, wholePart } from './explain.ts';
import type { Seat, SeatSummary, Step } from './plan.ts';
import type { ModelProfile } from './profile.ts';

type Load = { -readonly [Field in Exclude<keyof SeatSummary, 'seat'>]: SeatSummary[Field] };

/**
 * Adds up what each seat holds, computes and moves for one request. The parity shard is as tall as the tallest block;
 * blocks that are much shorter weigh and compute less, the others are padded to it.
 */
export function summariseSeats(profile: ModelProfile, steps: readonly Step[]): SeatSummary[] {
  const loads = new Map<Seat, Load>();
  const add = (seat: Seat, role: Load['role'], part: Omit<Load, 'role'>) => {
    const { weightsBytes, multiplyAdds, bytesIn, bytesOut } = part;
    const load = loads.get(seat);
    if (!load) {
      loads.set(seat, { role, weightsBytes, multiplyAdds, bytesIn, bytesOut });
      return;
    }
    load.weightsBytes += weightsBytes;
    load.multiplyAdds += multiplyAdds;
    load.bytesIn += bytesIn;
    load.bytesOut += bytesOut;
  };
  for (const step of steps) {
    if (step.kind === 'local') continue;
    for (const [position, seat] of step.seats.entries()) {
      if (step.kind === 'coded') {
        add(seat, position < step.dataShards ? 'data' : 'parity', codedPart(profile, step, position));
      } else {
        add(seat, position === 0 ? 'data' : 'replica', wholePart(profile, step));
      }
    }
  }
  return [...loads].sort(([a], [b]) => a - b).map(([seat, load]) => ({ seat, ...load }));
}
