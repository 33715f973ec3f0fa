import { describe, expect, it } from 'vitest';
import type { Step } from '../plan.ts';
import { coverageOf } from './seats.ts';

const coded = (seats: readonly number[], parityShards: number) =>
  ({ kind: 'coded', seats, parityShards }) as unknown as Step;
const replicated = (seats: readonly number[]) => ({ kind: 'replicated', seats }) as unknown as Step;

describe('coverageOf', () => {
  it('counts a device once, and only if all of its steps survive its failure', () => {
    expect(coverageOf([coded([0, 1, 2], 1), coded([0, 1], 0)])).toBeCloseTo(1 / 3);
    expect(coverageOf([coded([0, 1, 2], 1), replicated([3])])).toBe(0.75);
    expect(coverageOf([replicated([0, 1]), replicated([2, 3])])).toBe(1);
  });

  it('is null without devices', () => expect(coverageOf([])).toBeNull());
});

/** A model of Fig. 17 without redundancy: all devices, and the sizes of the groups that share a layer. */
interface SpreadModel {
  readonly devices: number;
  readonly groups: readonly number[];
}

/**
 * Adds extra devices one by one and returns the coverage after each: a parity device to a group, largest
 * group first, then a replica to every other device.
 */
function curve({ devices, groups }: SpreadModel, withParity: boolean): (number | null)[] {
  const alone = devices - groups.reduce((sum, size) => sum + size, 0);
  const sizes = withParity
    ? [...groups].sort((a, b) => b - a).concat(new Array<number>(alone).fill(1))
    : new Array<number>(devices).fill(1);
  return sizes.map((_, extra) => {
    let seat = 0;
    const take = (count: number) => Array.from({ length: count }, () => seat++);
    return coverageOf(
      sizes.map((size, group) => {
        const redundant = group <= extra ? 1 : 0;
        return size > 1 ? coded(take(size + redundant), redundant) : replicated(take(1 + redundant));
      }),
    );
  });
}

const percent = (values: readonly (number | null)[]) => values.map((value) => Math.round(100 * value!));

describe('coverage after each extra device, as in Fig. 17 of the paper', () => {
  // Expected values from the vector data of the figure. Devices until full coverage: coded, then replicated.
  it.each([
    ['AlexNet', { devices: 5, groups: [2] }, [50, 71, 88, 100], [33, 57, 75, 89, 100], 5],
    ['action recognition', { devices: 8, groups: [2, 2] }, [33, 60, 73, 83, 92, 100], [22, 40, 55, 67], 8],
    [
      'C3D, two devices per layer',
      { devices: 7, groups: [2, 2] },
      [38, 67, 80, 91, 100],
      [25, 44, 60, 73],
      7,
    ],
    [
      'C3D, three devices per layer',
      { devices: 9, groups: [3, 3] },
      [40, 73, 83, 92, 100],
      [20, 36, 50, 62],
      9,
    ],
    ['VGG16', { devices: 9, groups: [3, 3] }, [40, 73, 83, 92, 100], [20, 36, 50, 62], 9],
  ])('%s', (_, model, codedCurve, replicatedCurve, replicasNeeded) => {
    expect(percent(curve(model, true))).toEqual(codedCurve);
    const replicas = percent(curve(model, false));
    expect(replicas.slice(0, replicatedCurve.length)).toEqual(replicatedCurve);
    expect(replicas.indexOf(100) + 1).toBe(replicasNeeded);
  });
});
