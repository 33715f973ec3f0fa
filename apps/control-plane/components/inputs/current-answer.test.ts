import { expect, test } from 'vitest';
import { currentAnswer } from './current-answer.ts';

const old = { input: 'old text', answer: 'OLD' };

test('an answer to the current input is shown, and no wait while answers arrive', () => {
  expect(currentAnswer(old, 'old text', 0, 5_000, 5_300)).toEqual({
    last: 'OLD',
    previous: null,
    waitingMs: null,
  });
});

test('an answer to an earlier input is never the answer to the current one', () => {
  expect(currentAnswer(old, 'new text', 5_100, 5_000, 5_300)).toEqual({
    last: null,
    previous: 'OLD',
    waitingMs: null,
  });
});

test('a new input during an outage shows no old answer, and waits since it was set', () => {
  expect(currentAnswer(old, 'new text', 20_000, 5_000, 23_000)).toEqual({
    last: null,
    previous: null,
    waitingMs: 3_000,
  });
});

test('the same input keeps its answer during an outage, and says how old it is', () => {
  expect(currentAnswer(old, 'old text', 0, 5_000, 17_000)).toEqual({
    last: 'OLD',
    previous: null,
    waitingMs: 12_000,
  });
});

test('the first input waits from the start', () => {
  expect(currentAnswer(null, 'first', 1_000, 1_000, 1_200).waitingMs).toBeNull();
  expect(currentAnswer(null, 'first', 1_000, 1_000, 4_000)).toEqual({
    last: null,
    previous: null,
    waitingMs: 3_000,
  });
});
