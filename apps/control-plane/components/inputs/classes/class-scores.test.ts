import { expect, test } from 'vitest';
import { topClasses } from './class-scores.ts';

test('sorts probabilities, and converts logits', () => {
  expect(topClasses([0.25, 0.5, 0.25], 1)).toEqual([{ index: 1, probability: 0.5 }]);
  const [best, second] = topClasses(Float32Array.of(0, Math.log(3), -100), 2);
  expect([best!.index, second!.index]).toEqual([1, 0]);
  expect(best!.probability).toBeCloseTo(0.75);
});
