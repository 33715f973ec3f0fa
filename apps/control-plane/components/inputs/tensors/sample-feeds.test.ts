import { expect, test } from 'vitest';
import { relativeDifference, sampleFeeds } from './sample-feeds.ts';

test('makes the same input again, with a free dimension of 1', () => {
  const inputs = [
    { name: 'x', type: 'float32', dims: [-1, 3] },
    { name: 'tokens', type: 'int64', dims: [2] },
  ] as const;
  const feeds = sampleFeeds(inputs)!;
  expect(feeds.map(({ name, dims }) => [name, dims])).toEqual([
    ['x', [1, 3]],
    ['tokens', [2]],
  ]);
  expect(new Set(feeds[0]!.data as Float32Array).size).toBe(3);
  expect(feeds[1]!.data).toEqual(new BigInt64Array(2));
  expect(sampleFeeds(inputs)).toEqual(feeds);
  expect(sampleFeeds([{ name: 'x', type: 'bool', dims: [1] }])).toBeNull();
});

test('compares two answers relative to the largest value', () => {
  expect(relativeDifference(Float32Array.of(1, -4), Float32Array.of(1.5, -4))).toBe(0.125);
  expect(relativeDifference(Float32Array.of(0), Float32Array.of(0))).toBe(0);
  expect(relativeDifference(Float32Array.of(1), Float32Array.of(1, 2))).toBe(Number.POSITIVE_INFINITY);
});
