// @vitest-environment happy-dom
import { act, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { silences } from '../duel/answer-store.ts';
import { ConnectionBanner } from '../shell/connection-banner.tsx';
import { renderDashboard } from '../testing/render.tsx';
import { connect, SILENT_AFTER_MS, useConnection } from './live-connection.ts';
import { EMPTY } from './live-queries.ts';

const server = vi.hoisted(() => ({ handlers: new Map<string, ((value?: unknown) => void)[]>() }));
vi.mock('socket.io-client', () => ({
  io: () => {
    const on = (name: string, handler: () => void) =>
      server.handlers.set(name, [...(server.handlers.get(name) ?? []), handler]);
    return { on, onAny: (handler: () => void) => on('*', handler), disconnect: () => {}, active: true };
  },
}));
function send(name: string, value?: unknown) {
  for (const handler of [...(server.handlers.get(name) ?? []), ...(server.handlers.get('*') ?? [])])
    handler(value);
}

beforeEach(() => {
  vi.useFakeTimers();
  server.handlers.clear();
});
afterEach(() => {
  vi.useRealTimers();
});

function Label() {
  return <output>{useConnection()}</output>;
}
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

it('notices a server that stays connected but sends nothing, and its return', async () => {
  const { client } = renderDashboard(
    <>
      <ConnectionBanner />
      <Label />
    </>,
  );
  const end = connect(client);
  const label = () => document.querySelector('output')?.textContent;
  act(() => send('snapshot', { ...EMPTY, at: new Date().toISOString() }));
  expect(label()).toBe('live');

  // Heartbeats keep it live.
  for (let beat = 0; beat < 5; beat++) {
    await pass(SILENT_AFTER_MS - 1_000);
    act(() => send('heartbeat'));
  }
  expect([label(), screen.queryByRole('alert')]).toEqual(['live', null]);

  await pass(SILENT_AFTER_MS + 7_000);
  expect(label()).toBe('silent');
  expect(screen.getByRole('alert').textContent).toMatch(
    /^The control plane has sent nothing for 1[12] s\. This page shows the last known state\.$/,
  );

  expect(silences()).toMatchObject([{ to: null }]);
  act(() => send('heartbeat'));
  expect([label(), screen.queryByRole('alert')]).toEqual(['live', null]);
  // The lanes show the silence as a time without data.
  const [{ from, to }] = silences() as readonly [{ from: number; to: number }];
  expect(to - from).toBeGreaterThan(SILENT_AFTER_MS);
  end();
});
