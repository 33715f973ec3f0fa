import { expect, it } from 'vitest';
import { addAnswers, traceTicks } from './answer-trace-view.ts';

const answer = (at: number, computeMs = 1) => ({ at, computeMs });

it('keeps the answers of the last ten seconds', () => {
  const before = [answer(1_000), answer(5_000)];
  expect(addAnswers(before, [answer(11_500)], 12_000)).toEqual([answer(5_000), answer(11_500)]);
  expect(addAnswers([], new Array(900).fill(answer(10)), 10)).toHaveLength(600);
});

it('draws a tick per answer, the newest at the right, the longest full height', () => {
  expect(traceTicks([answer(5_000, 2), answer(10_000, 4)], 10_000)).toEqual([
    { x: 0.5, height: 0.5 },
    { x: 1, height: 1 },
  ]);
  expect(traceTicks([], 10_000)).toEqual([]);
});
