import { type Partition, partitionRows } from '../partition.ts';
import { type Convolution, count, outputSize } from './layer.ts';

/** The cost of surviving one failure in a grouped convolution with its filters divided over k devices. */
export interface GroupedCodingCost {
  /** Multiply-adds of the busiest data device. */
  readonly dataMultiplyAdds: number;
  /** Multiply-adds of the parity device. Each of its rows covers the union of the groups summed into it. */
  readonly parityMultiplyAdds: number;
  /** Input channels of the parity device. */
  readonly parityInputChannels: number;
  /** Multiply-adds of k replicas together, one per data device. */
  readonly replicaMultiplyAdds: number;
  /** Parity work ÷ work of the busiest data device. */
  readonly parityToData: number;
  /**
   * `parity`: no more work than a data device. `uneven-parity`: more than a data device, but less than k
   * replicas together. `replicas`: as much as k replicas, on a single device.
   */
  readonly advice: 'parity' | 'uneven-parity' | 'replicas';
}

/**
 * Computes the cost of a parity over filters of different groups. Row i of the parity is the sum of row i of
 * every block. Rows of different groups use different channels, so the parity row must multiply all of them.
 * In a depthwise convolution the parity costs as much as all blocks together.
 * @param partition  rows of the data devices
 * @param filterOrder  filter by row. Default: the layer's order.
 * @example
 * const layer = convolution({ channels: 8, size: [6], filters: 16, kernel: [3], groups: 4 });
 * const { partition, filterOrder } = withinGroupOrder(layer, 4);
 * const cost = groupedCodingCost(layer, partition, filterOrder);
 * console.log(groupedCodingCost(layer, partition).advice, cost.advice);
 * // → replicas parity
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
 * Orders the filters so that block b of an even partition holds the b-th part of every group. The rows of a
 * sum then belong to one group, and the parity is a grouped convolution with the cost of a block.
 * @returns filter by row and its partition; undefined if k does not divide the filters of a group, as in
 *          depthwise convolutions
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
