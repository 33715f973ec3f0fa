import { expect, test } from 'vitest';
import { seededRandom, shuffle } from './random.ts';

test('fills an array with the same numbers as single draws', () => {
  const filled = new Float32Array(100);
  const random = seededRandom(7);
  random.fill(filled, 3);
  const other = seededRandom(7);
  const single = Float32Array.from({ length: 100 }, () => 3 * (2 * other.uniform() - 1));
  expect(filled).toEqual(single);
  expect(random.uniform()).toBe(other.uniform());
});

test('draws normal and uniform numbers with the documented mean and deviation', () => {
  const random = seededRandom(1);
  const moments = (next: () => number): [number, number] => {
    const values = Array.from({ length: 20_000 }, next);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)];
  };
  const [mean, deviation] = moments(() => random.normal());
  expect(Math.abs(mean)).toBeLessThan(0.03);
  expect(Math.abs(deviation - 1)).toBeLessThan(0.02);
  const [middle, spread] = moments(() => random.between(2, 4));
  expect(Math.abs(middle - 3)).toBeLessThan(0.02);
  expect(Math.abs(spread - 1 / Math.sqrt(3))).toBeLessThan(0.02);
});

test('keeps every item when shuffling', () => {
  const items = Int32Array.from({ length: 50 }, (_, index) => index);
  shuffle(items, seededRandom(4));
  expect(Array.from(items)).not.toEqual(Array.from(items).sort((a, b) => a - b));
  expect(Array.from(items).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index));
});
