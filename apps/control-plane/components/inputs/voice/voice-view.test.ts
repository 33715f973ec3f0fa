import { expect, test } from 'vitest';
import { appendGap, appendProbability, linePath, SHOWN_FRAMES } from './voice-view.ts';

test('keeps the newest probabilities', () => {
  const full = Array.from({ length: SHOWN_FRAMES }, (_, index) => index);
  const next = appendProbability(full, 7);
  expect(next).toHaveLength(SHOWN_FRAMES);
  expect([next[0], next.at(-1)]).toEqual([1, 7]);
});

test('draws the newest probability at the right, and 1 at the top', () => {
  expect(linePath([1, 0.25])).toBe('M248,0.0L249,75.0');
  expect(linePath([])).toBe('');
});

test('leaves a gap where answers are missing', () => {
  const known = appendProbability(appendGap([1, 1], 2), 0);
  expect(linePath(known)).toBe('M245,0.0L246,0.0M249,100.0');
  expect(appendGap(known, SHOWN_FRAMES)).toEqual(Array.from({ length: SHOWN_FRAMES }, () => null));
});
