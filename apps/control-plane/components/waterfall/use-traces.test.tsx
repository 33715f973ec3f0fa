// @vitest-environment happy-dom
import { act, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { renderDashboard } from '../testing/render.tsx';
import { deployment } from '../testing/view-fixtures.ts';
import { useTraces } from './use-traces.ts';

const LENET = deployment(4, 1);
function Traces({ onScreen }: { onScreen: boolean }) {
  return <output>{useTraces(LENET, onScreen).traces.length}</output>;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

it('asks once in advance, and again only while the traces are on the screen', async () => {
  const { sent, rerender } = renderDashboard(<Traces onScreen={false} />, {
    api: () => ({ body: [{ request: 1 }] }),
  });
  await pass(10_000);
  expect([sent.length, screen.getByRole('status').textContent]).toEqual([1, '1']);
  rerender(<Traces onScreen />);
  await pass(0);
  expect(sent).toHaveLength(2);
  await pass(6_000);
  expect(sent).toHaveLength(5);
  rerender(<Traces onScreen={false} />);
  await pass(10_000);
  expect(sent).toHaveLength(5);
});
