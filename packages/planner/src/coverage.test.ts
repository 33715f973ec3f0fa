import { describe, expect, it } from 'vitest';
import { codedCoverage, coverageOf, PAPER_MODELS, replicatedCoverage } from './coverage.ts';
import type { Step } from './plan.ts';

const percent = (curve: readonly number[]) => curve.map((value) => Math.round(100 * value));

describe('coverage after each extra device', () => {
  // Read off Fig. 17's vector data.
  it.each([
    ['alexnet', [50, 71, 88, 100], [33, 57, 75, 89, 100]],
    ['actionRecognition', [33, 60, 73, 83, 92, 100], [22, 40, 55, 67]],
    ['c3dTwoPerLayer', [38, 67, 80, 91, 100], [25, 44, 60, 73]],
    ['c3dThreePerLayer', [40, 73, 83, 92, 100], [20, 36, 50, 62]],
    ['vgg16', [40, 73, 83, 92, 100], [20, 36, 50, 62]],
  ] as const)('of %s is the curve of the paper', (name, coded, replicated) => {
    expect(percent(codedCoverage(PAPER_MODELS[name]))).toEqual(coded);
    expect(percent(replicatedCoverage(PAPER_MODELS[name])).slice(0, replicated.length)).toEqual(replicated);
  });

  it('is full after as many devices as the paper needs', () => {
    const counts = Object.values(PAPER_MODELS).map((model) => [
      codedCoverage(model).length,
      replicatedCoverage(model).length,
    ]);
    expect(counts).toEqual([
      [4, 5],
      [6, 8],
      [5, 7],
      [5, 9],
      [5, 9],
    ]);
  });
});

describe('coverage of a plan', () => {
  const coded = (seats: number[], parityShards: number) =>
    ({ kind: 'coded', seats, parityShards }) as unknown as Step;
  const replicated = (seats: number[]) => ({ kind: 'replicated', seats }) as unknown as Step;

  it('counts a device once, and only if all of its tasks are covered', () => {
    expect(coverageOf([coded([0, 1, 2], 1), coded([0, 1], 0)])).toBeCloseTo(1 / 3);
    expect(coverageOf([coded([0, 1, 2], 1), replicated([3])])).toBe(0.75);
    expect(coverageOf([replicated([0, 1]), replicated([2, 3])])).toBe(1);
  });

  it('of no devices is full', () => expect(coverageOf([])).toBe(1));
});
