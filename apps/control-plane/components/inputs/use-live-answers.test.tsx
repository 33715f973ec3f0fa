// @vitest-environment happy-dom
import { act, cleanup, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deployment } from '../testing/view-fixtures.ts';
import { AnswerNote } from './answer-note.tsx';
import { DigitResult } from './digit/digit-result.tsx';
import type { Inferred } from './infer.ts';
import { compareTexts } from './line/line-view.ts';
import { useLiveAnswers } from './use-live-answers.ts';

const server = vi.hoisted(() => ({ stalled: false, release: [] as (() => void)[], asked: [] as string[] }));
vi.mock('../live-connection/live-connection.ts', () => ({ useConnection: () => 'live' }));
vi.mock('./infer.ts', async (original) => ({
  ...(await original<object>()),
  // Answers with the input itself, at once or when the test releases it.
  infer: async (_name: string, feeds: readonly { data: Uint8Array }[]): Promise<Inferred> => {
    const text = new TextDecoder().decode(feeds[0]?.data);
    server.asked.push(text);
    if (server.stalled) await new Promise<void>((resolve) => server.release.push(resolve));
    return {
      outputs: new Map([['text', feeds[0]?.data as Uint8Array]]),
      latencyMs: 2,
      recovered: 0,
      rescued: 0,
    };
  },
}));

beforeEach(() => {
  vi.useFakeTimers();
  Object.assign(server, { stalled: false, release: [], asked: [] });
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

const LENET = deployment(4, 1);
function Reader({ text }: { text: string }) {
  const live = useLiveAnswers(LENET, text !== '', {
    input: text,
    feeds: () => [{ name: 'x', dims: [text.length], data: new TextEncoder().encode(text) }],
    fetches: ['text'],
    read: ({ outputs }) => new TextDecoder().decode(outputs.get('text') as Uint8Array),
  });
  const read = live.last?.value ?? null;
  return (
    <>
      <output>{read ?? live.previous?.value ?? '?'}</output>
      <p data-testid="comparison">{read === null ? 'unknown' : compareTexts(text, read)}</p>
      <AnswerNote live={live} deployment={LENET} meanwhile="type" />
    </>
  );
}
const output = () => screen.getByRole('status').textContent;
const comparison = () => screen.getByTestId('comparison').textContent;

it('compares a text only with its own answer, and says how long a new text waits', async () => {
  const { rerender } = render(<Reader text="old" />);
  await pass(300);
  expect([output(), comparison()]).toEqual(['old', 'same']);

  server.stalled = true;
  await pass(20_000);
  expect([output(), comparison()]).toEqual(['old', 'same']);
  expect(screen.getByTestId('answer-waiting').textContent).toMatch(/^No new answer for (19|20) s/);

  rerender(<Reader text="new" />);
  expect([output(), comparison()]).toEqual(['?', 'unknown']);
  await pass(5_000);
  expect([output(), comparison()]).toEqual(['?', 'unknown']);
  expect(screen.getByTestId('answer-waiting').textContent).toBe('This input has waited 5 s for an answer.');

  // The request that waited was for the old text: its answer does not belong to the new one.
  server.release.shift()?.();
  await pass(0);
  expect(server.asked.slice(-2)).toEqual(['old', 'new']);
  expect([output(), comparison()]).toEqual(['old', 'unknown']);
  server.stalled = false;
  server.release.shift()?.();
  await pass(600);
  expect([output(), comparison()]).toEqual(['new', 'same']);
  expect(screen.queryByTestId('answer-waiting')).toBeNull();
});

it('keeps an earlier answer for a moment while answers arrive, so that a drawing does not flicker', async () => {
  const { rerender } = render(<Reader text="one" />);
  await pass(300);
  rerender(<Reader text="two" />);
  expect([output(), comparison()]).toEqual(['one', 'unknown']);
  expect(screen.queryByTestId('answer-waiting')).toBeNull();
});

it('shows no latency with the digit of an earlier drawing', () => {
  const classification = { digit: 5, probabilities: [0, 0, 0, 0, 0, 1, 0, 0, 0, 0] };
  const { rerender } = render(<DigitResult classification={classification} current latencyMs={4} />);
  expect(screen.getByTestId('digit-latency').textContent).toBe('4.00 ms');
  rerender(<DigitResult classification={classification} current={false} latencyMs={null} />);
  expect(screen.getByTestId('digit-latency').textContent).toBe('–');
  expect(screen.getByTestId('digit-prediction').className).toContain('text-ink-faint');
});
