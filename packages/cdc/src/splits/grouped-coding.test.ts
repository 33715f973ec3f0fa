import { describe, expect, it } from 'vitest';
import { encodeWeights } from '../encode.ts';
import { generatorMatrix } from '../generator.ts';
import { partitionRows } from '../partition.ts';
import { normalArray, seededNormal } from '../testing/random.ts';
import { groupedCodingCost, withinGroupOrder } from './grouped-coding.ts';
import { computeLayer } from './im2col.ts';
import { convolution, shapesOf } from './layer.ts';

const conv = (channels: number, filters: number, groups: number) =>
  convolution({ channels, size: [6], filters, kernel: [3], groups });

describe('coding grouped convolutions', () => {
  it('gives the parity the cost of a block if there is one group', () => {
    const cost = groupedCodingCost(conv(8, 12, 1), partitionRows(12, 4));
    expect(cost).toMatchObject({ parityToData: 1, advice: 'parity', parityInputChannels: 8 });
  });

  it('gives the parity the cost of the layer if each block is a group, or in depthwise layers', () => {
    for (const layer of [conv(8, 12, 4), conv(12, 12, 12)]) {
      const cost = groupedCodingCost(layer, partitionRows(12, 4));
      expect(cost.parityToData).toBe(4);
      expect(cost.parityMultiplyAdds).toBe(cost.replicaMultiplyAdds);
      expect(cost.advice).toBe('replicas');
    }
  });

  it('gives the parity a cost in between if some rows share a group', () => {
    expect(groupedCodingCost(conv(8, 16, 2), partitionRows(16, 4))).toMatchObject({
      parityToData: 2,
      advice: 'uneven-parity',
    });
  });

  it('gives the parity the cost of a block if each block holds a part of every group', () => {
    const layer = conv(8, 16, 4);
    expect(groupedCodingCost(layer, partitionRows(16, 4)).advice).toBe('replicas');
    const order = withinGroupOrder(layer, 4)!;
    expect(order.filterOrder.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(groupedCodingCost(layer, order.partition, order.filterOrder)).toMatchObject({
      parityToData: 1,
      advice: 'parity',
    });
    expect(withinGroupOrder(conv(12, 12, 12), 4)).toBeUndefined();
  });

  it('makes the parity a grouped convolution whose output is the sum of the blocks', () => {
    const layer = conv(8, 16, 4);
    const { filterOrder, partition } = withinGroupOrder(layer, 2)!;
    const normal = seededNormal(6);
    const input = normalArray(8 * 6, normal);
    const row = 2 * 3;
    const weights = normalArray(16 * row, normal);
    const ordered = Float32Array.from(
      filterOrder.flatMap((f) => [...weights.subarray(f * row, (f + 1) * row)]),
    );
    const block = convolution({ ...layer, filters: 8 });
    const parts = [0, 8].map((start) =>
      computeLayer(block, input, ordered.subarray(start * row, (start + 8) * row)),
    );
    const parity = computeLayer(
      block,
      input,
      encodeWeights(generatorMatrix(2, 1), 0, ordered, partition, row),
    );
    expect(shapesOf(block).output).toEqual([1, 8, 4]);
    for (let i = 0; i < parity.length; i++) expect(parity[i]).toBeCloseTo(parts[0]![i]! + parts[1]![i]!, 5);
    // Each block has the right filters of the undivided layer.
    const whole = computeLayer(layer, input, weights);
    for (let i = 0; i < 16; i++) {
      expect(parts[Math.floor(i / 8)]![(i % 8) * 4]).toBeCloseTo(whole[filterOrder[i]! * 4]!, 9);
    }
  });
});
