import { computedRows, parityPlanes } from '@sparewheel/onnx';
import { tensorBytes } from '../costs/costs.ts';
import type { CodedStep, ReplicatedStep, RowRange, Seat, SeatSummary, Step } from '../plan.ts';
import type { ModelProfile } from '../profile.ts';
import { generatorOf } from '../steps/generator-of.ts';
import { isBackup } from '../steps/parts.ts';

/**
 * Returns what one seat of a coded step computes, stores and transfers: one shard of the layer. A device with
 * a piece of the input holds and reads all weights.
 */
export function codedPart(profile: ModelProfile, step: CodedStep, shard: number) {
  const layer = profile.layers[step.node]!;
  if (step.pieces) {
    const share = step.height / step.blocks.reduce((sum, { rows }) => sum + rows, 0);
    return {
      layers: [layer],
      share,
      weightsBytes: layer.weightsBytes,
      multiplyAdds: Math.round(step.multiplyAdds * share),
      bytesIn: Math.round((tensorBytes(profile, step.feed) * step.pieces.rows) / step.pieces.inputRows),
      bytesOut: Math.round(tensorBytes(profile, step.fetch) * share),
    };
  }
  const coding = layer.coding!;
  const rows = computedRows(step, shard);
  const parity = shard - step.dataShards;
  // The sums of 8-bit weights need more bits: each plane of them costs as much as a data shard.
  const planes = coding.integers && parity >= 0 ? parityPlanes(generatorOf(step), parity) : 1;
  const share = (planes * rows) / coding.rows;
  return {
    layers: [layer],
    share,
    weightsBytes:
      planes * rows * (parity < 0 ? coding.bytesPerRow : (coding.parityBytesPerRow ?? coding.bytesPerRow)),
    multiplyAdds: Math.round(step.multiplyAdds * share),
    bytesIn: tensorBytes(profile, step.feed),
    // A shard may compute fewer rows, but every answer is padded to the common height.
    bytesOut: Math.round((tensorBytes(profile, step.fetch) * step.height) / coding.rows),
  };
}

/** Returns what one seat of a replicated step computes, stores and transfers: the whole subgraph, or one part of it. */
export function replicaPart(profile: ModelProfile, step: ReplicatedStep) {
  const layers = step.nodes.map((node) => profile.layers[node]!);
  const { tile } = step;
  if (tile) {
    const share = (name: string, { from, to }: RowRange, rows: number) =>
      Math.round((tensorBytes(profile, name) * (to - from)) / rows);
    return {
      layers,
      share: tile.shares,
      weightsBytes: layers.reduce((sum, layer) => sum + layer.weightsBytes, 0),
      multiplyAdds: Math.round(
        layers.reduce((sum, layer, i) => sum + layer.multiplyAdds * tile.shares[i]!, 0),
      ),
      bytesIn: share(step.feeds[0]!, tile.input, tile.inputRows),
      bytesOut: share(tile.fetch, tile.output, tile.outputRows),
    };
  }
  const share = step.slice ? (step.slice.part.to - step.slice.part.from) / step.slice.units : 1;
  return {
    layers,
    share,
    weightsBytes: Math.round(share * layers.reduce((sum, layer) => sum + layer.weightsBytes, 0)),
    multiplyAdds: Math.round(share * layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0)),
    bytesIn: step.feeds.reduce((sum, name) => sum + tensorBytes(profile, name), 0),
    bytesOut: step.fetches.reduce((sum, name) => sum + tensorBytes(profile, name), 0),
  };
}

type SeatLoad = { -readonly [Field in Exclude<keyof SeatSummary, 'seat'>]: SeatSummary[Field] };

/** Sums what each seat stores, computes and transfers for one request, over all steps. */
export function summarizeSeats(profile: ModelProfile, steps: readonly Step[]): SeatSummary[] {
  const loads = new Map<Seat, SeatLoad>();
  const held = new Set<string>();
  const add = (seat: Seat, role: SeatLoad['role'], part: Omit<SeatLoad, 'role'>) => {
    const { weightsBytes, multiplyAdds, bytesIn, bytesOut } = part;
    const load = loads.get(seat);
    if (!load) {
      loads.set(seat, { role, weightsBytes, multiplyAdds, bytesIn, bytesOut });
      return;
    }
    // A seat of a coded group may hold replicas, too. Its role is that in the group.
    if (role === 'parity' || load.role === 'replica') load.role = role;
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
        const part = replicaPart(profile, step);
        // The tiles of a segment share one file of weights.
        const file = `${seat} ${step.tile?.segment}`;
        const weightsBytes = step.tile && held.has(file) ? 0 : part.weightsBytes;
        held.add(file);
        const idle = { weightsBytes, multiplyAdds: 0, bytesIn: 0, bytesOut: 0 };
        add(
          seat,
          position === 0 ? 'data' : 'replica',
          isBackup(step, position) ? idle : { ...part, weightsBytes },
        );
      }
    }
  }
  return [...loads].sort(([a], [b]) => a - b).map(([seat, load]) => ({ seat, ...load }));
}

/**
 * Returns the coverage of a plan as the paper defines it: devices whose single failure is survived ÷ all
 * devices [paper Fig. 17]. A coded group survives a failure if it has parity, a replicated step if it has two
 * seats.
 * @returns in [0, 1]; null if the plan uses no device
 */
export function coverageOf(steps: readonly Step[]): number | null {
  const survived = new Map<Seat, boolean>();
  for (const step of steps) {
    if (step.kind === 'local') continue;
    const redundant = step.kind === 'coded' ? step.parityShards >= 1 : step.seats.length >= 2;
    for (const seat of step.seats) survived.set(seat, (survived.get(seat) ?? true) && redundant);
  }
  if (survived.size === 0) return null;
  return [...survived.values()].filter(Boolean).length / survived.size;
}
