import { expect, test } from 'vitest';
import { appendProbability, linePoints, SHOWN_FRAMES } from './voice-view.ts';

test('keeps the newest probabilities', () => {
  const full = Array.from({ length: SHOWN_FRAMES }, (_, index) => index);
  const next = appendProbability(full, 7);
  expect(next).toHaveLength(SHOWN_FRAMES);
  expect([next[0], next.at(-1)]).toEqual([1, 7]);
});

test('draws the newest probability at the right, and 1 at the top', () => {
  expect(linePoints([1, 0.25])).toBe('248,0.0 249,75.0');
  expect(linePoints([])).toBe('');
});
