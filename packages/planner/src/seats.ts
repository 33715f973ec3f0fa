import { tensorBytes } from './costs.ts';
import type { Seat, SeatSummary, Step } from './plan.ts';
import type { ModelProfile } from './profile.ts';

interface Load {
  role: SeatSummary['role'];
  weightsBytes: number;
  multiplyAdds: number;
  bytesIn: number;
  bytesOut: number;
}

/**
 * Adds up what each seat holds, computes and moves for one request. All shards of a coded layer weigh the same: the
 * parity shard is as tall as the tallest block, and shorter blocks are padded to it.
 */
export function summariseSeats(profile: ModelProfile, steps: readonly Step[]): SeatSummary[] {
  const loads = new Map<Seat, Load>();
  const add = (seat: Seat, role: Load['role'], part: Omit<Load, 'role'>) => {
    const load = loads.get(seat);
    if (!load) {
      loads.set(seat, { role, ...part });
      return;
    }
    load.weightsBytes += part.weightsBytes;
    load.multiplyAdds += part.multiplyAdds;
    load.bytesIn += part.bytesIn;
    load.bytesOut += part.bytesOut;
  };
  for (const step of steps) {
    if (step.kind === 'coded') {
      const coding = profile.layers[step.node]!.coding!;
      const share = step.height / coding.rows;
      for (const [shard, seat] of step.seats.entries()) {
        add(seat, shard < step.dataShards ? 'data' : 'parity', {
          weightsBytes: coding.bytesPerRow * step.height,
          multiplyAdds: Math.round(step.multiplyAdds * share),
          bytesIn: tensorBytes(profile, step.feed),
          bytesOut: Math.round(tensorBytes(profile, step.fetch) * share),
        });
      }
    } else if (step.kind === 'replicated') {
      const layers = step.nodes.map((node) => profile.layers[node]!);
      for (const [replica, seat] of step.seats.entries()) {
        add(seat, replica === 0 ? 'data' : 'replica', {
          weightsBytes: layers.reduce((sum, layer) => sum + layer.weightsBytes, 0),
          multiplyAdds: layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0),
          bytesIn: step.feeds.reduce((sum, name) => sum + tensorBytes(profile, name), 0),
          bytesOut: step.fetches.reduce((sum, name) => sum + tensorBytes(profile, name), 0),
        });
      }
    }
  }
  return [...loads].sort(([a], [b]) => a - b).map(([seat, load]) => ({ seat, ...load }));
}
