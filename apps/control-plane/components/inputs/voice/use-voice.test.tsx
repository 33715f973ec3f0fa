// @vitest-environment happy-dom
import { VOICE_FRAME_SAMPLES } from '@sparewheel/zoo/voice';
import { act, cleanup, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { deployment } from '../../testing/view-fixtures.ts';
import { AnswerNote } from '../answer-note.tsx';
import type { Inferred } from '../infer.ts';
import { type Listening, useVoice } from './use-voice.ts';

const server = vi.hoisted(() => ({ stalled: false, release: [] as (() => void)[], connection: 'live' }));
vi.mock('../../live-connection/live-connection.ts', () => ({ useConnection: () => server.connection }));
vi.mock('../infer.ts', async (original) => ({
  ...(await original<object>()),
  infer: async (): Promise<Inferred> => {
    if (server.stalled) await new Promise<void>((resolve) => server.release.push(resolve));
    const outputs = new Map([
      ['output', Float32Array.of(0.9)],
      ['stateN', new Float32Array(256)],
    ]);
    return { outputs, latencyMs: 2, recovered: 0, rescued: 0 };
  },
}));

beforeEach(() => {
  vi.useFakeTimers();
  Object.assign(server, { stalled: false, release: [], connection: 'live' });
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const LENET = deployment(4, 1);
let voice: Listening;
function Voice() {
  voice = useVoice(LENET, true);
  return (
    <>
      <output>{voice.live.last === null ? '?' : voice.live.last.value.toFixed(1)}</output>
      <AnswerNote live={voice.live} deployment={LENET} meanwhile="speak" />
    </>
  );
}
const shown = () => screen.getByRole('status').textContent;
/** Passes one frame of sound every 32 ms. */
async function speak(frames: number) {
  for (let frame = 0; frame < frames; frame++) {
    await act(async () => {
      voice.hear(new Float32Array(VOICE_FRAME_SAMPLES));
      await vi.advanceTimersByTimeAsync(32);
    });
  }
}

it('shows no earlier result as the present one while no answer comes, and the missing answers as a gap', async () => {
  render(<Voice />);
  await speak(5);
  expect(shown()).toBe('0.9');
  expect(voice.probabilities.map((value) => value !== null)).toEqual([true, true, true, true, true]);

  server.stalled = true;
  await speak(100);
  expect(shown()).toBe('?');
  expect(screen.getByTestId('answer-waiting').textContent).toMatch(/^This input has waited [23] s/);
  // Half a second of sound still waits for an answer. The rest never gets one.
  expect(voice.probabilities.filter((value) => value === null)).toHaveLength(83);
  expect(voice.skipped).toBe(83);

  server.stalled = false;
  server.release.shift()?.();
  await speak(20);
  expect(shown()).toBe('0.9');
  expect(screen.queryByTestId('answer-waiting')).toBeNull();
});

it('shows no result while the control plane is silent', async () => {
  const { rerender } = render(<Voice />);
  await speak(5);
  server.connection = 'silent';
  rerender(<Voice />);
  await speak(60);
  expect(shown()).toBe('?');
  expect(voice.probabilities.slice(5)).toEqual(Array.from({ length: 60 }, () => null));
});
