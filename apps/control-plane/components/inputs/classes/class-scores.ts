import { softmax } from '../digit/digit-view.ts';

export interface ClassScore {
  readonly index: number;
  readonly probability: number;
}

/** Returns the most probable classes. Converts logits with a softmax; keeps probabilities. */
export function topClasses(scores: ArrayLike<number>, count: number): ClassScore[] {
  const values = Array.from(scores);
  const sum = values.reduce((total, value) => total + value, 0);
  const probable = values.every((value) => value >= 0) && Math.abs(sum - 1) < 1e-3;
  return (probable ? values : softmax(values))
    .map((probability, index) => ({ index, probability }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, count);
}
