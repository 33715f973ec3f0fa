import { type Partition, partitionRows } from '../partition.ts';
import { type Convolution, count, outputSize } from './layer.ts';

/** What it costs to survive one failure in a grouped convolution whose filters are divided over k devices. */
export interface GroupedCodingCost {
  /** Multiply-adds of the busiest data device. */
  readonly dataMultiplyAdds: number;
  /** Multiply-adds of the parity device: each of its rows works on the union of the groups that were summed into it. */
  readonly parityMultiplyAdds: number;
  /** The same with the channels that the parity device must be sent. */
  readonly parityInputChannels: number;
  /** Multiply-adds of one replica for each of the k data devices, together. */
  readonly replicaMultiplyAdds: number;
  /** How much longer the parity device computes than the busiest data device. */
  readonly parityToData: number;
  /**
   * `parity`: no more work than a data device. `uneven-parity`: less work than k replicas together and one device
   * instead of k, but it is slower than the data devices. `replicas`: the parity does as much as k replicas or more,
   * on one device.
   */
  readonly advice: 'parity' | 'uneven-parity' | 'replicas';
}

/**
 * The true cost of a parity over filters of different groups. Row i of the parity is the sum of row i of every block;
 * where those rows belong to different groups they see different channels, so that nothing is shared: the parity row
 * multiplies all of them. At the extreme, depthwise, a parity is as much work as all of the blocks that it protects.
 * @param partition  the filters of the data devices, in the order of `filterOrder` if that is given
 * @param filterOrder  which filter stands in which row; as in the layer unless given
 */
export function groupedCodingCost(
  layer: Convolution,
  partition: Partition,
  filterOrder?: readonly number[],
): GroupedCodingCost {
  const filtersPerGroup = layer.filters / layer.groups;
  const channelsPerGroup = layer.channels / layer.groups;
  const perRow = channelsPerGroup * count(layer.kernel) * count(outputSize(layer)) * layer.batch;
  const groupOf = (row: number) => Math.floor((filterOrder?.[row] ?? row) / filtersPerGroup);
  let parityRows = 0;
  const channels = new Set<number>();
  for (let i = 0; i < partition.height; i++) {
    const groups = new Set(partition.blocks.filter((b) => i < b.rows).map((b) => groupOf(b.start + i)));
    parityRows += groups.size;
    for (const group of groups) channels.add(group);
  }
  const dataMultiplyAdds = partition.height * perRow;
  const parityMultiplyAdds = parityRows * perRow;
  const replicaMultiplyAdds = layer.filters * perRow;
  return {
    dataMultiplyAdds,
    parityMultiplyAdds,
    parityInputChannels: channels.size * channelsPerGroup,
    replicaMultiplyAdds,
    parityToData: parityMultiplyAdds / dataMultiplyAdds,
    advice:
      parityMultiplyAdds <= dataMultiplyAdds
        ? 'parity'
        : parityMultiplyAdds < replicaMultiplyAdds
          ? 'uneven-parity'
          : 'replicas',
  };
}

/**
 * An order of the filters in which block b of an even partition over k devices holds the b-th part of every group, so
 * that the rows that are summed belong to one group and the parity is a grouped convolution no dearer than a block.
 * @returns filter by row with the partition that goes with it, or undefined where a group cannot be divided evenly
 *          by k; depthwise convolutions never can
 */
export function withinGroupOrder(
  layer: Convolution,
  k: number,
): { filterOrder: readonly number[]; partition: Partition } | undefined {
  const filtersPerGroup = layer.filters / layer.groups;
  if (filtersPerGroup % k !== 0) return undefined;
  const part = filtersPerGroup / k;
  const filterOrder: number[] = [];
  for (let block = 0; block < k; block++) {
    for (let group = 0; group < layer.groups; group++) {
      for (let i = 0; i < part; i++) filterOrder.push(group * filtersPerGroup + block * part + i);
    }
  }
  return { filterOrder, partition: partitionRows(layer.filters, k) };
}
