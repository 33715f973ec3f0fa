import type { UiSnapshot } from '@sparewheel/protocol';
import { QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { afterEach, vi } from 'vitest';
import { createQueryClient, EMPTY, writeSnapshot } from '../live-connection/live-queries.ts';

/** A request that a component sent to the admin API. */
export interface SentRequest {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** Answers a request. Unknown requests get status 404. */
export type FakeApi = (request: SentRequest) => FakeAnswer | Promise<FakeAnswer>;
type FakeAnswer = { readonly status?: number; readonly body?: unknown } | undefined;

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

/** Renders a part of the dashboard with pushed data in the cache and a fake admin API. */
export function renderDashboard(
  children: ReactNode,
  { live = {}, api = () => undefined }: { live?: Partial<UiSnapshot>; api?: FakeApi } = {},
) {
  const sent: SentRequest[] = [];
  // The test environment has no layout, so nothing becomes visible.
  vi.stubGlobal(
    'IntersectionObserver',
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  );
  vi.stubGlobal('fetch', async (path: string, init?: RequestInit) => {
    const request = {
      method: init?.method ?? 'GET',
      path,
      body: typeof init?.body === 'string' ? JSON.parse(init.body) : undefined,
    };
    sent.push(request);
    const { status = 200, body } = (await api(request)) ?? { status: 404 };
    return new Response(body === undefined ? '' : JSON.stringify(body), { status });
  });
  const client = createQueryClient();
  writeSnapshot(client, { ...EMPTY, at: '2026-01-01T00:00:00Z', ...live });
  const user = userEvent.setup();
  const { rerender } = render(<QueryClientProvider client={client}>{children}</QueryClientProvider>);
  return {
    client,
    sent,
    user,
    /** Pushes new data. */
    push: (changed: Partial<UiSnapshot>) =>
      act(() => writeSnapshot(client, { ...EMPTY, at: '2026-01-01T00:00:01Z', ...live, ...changed })),
    rerender: (changed: ReactNode) =>
      rerender(<QueryClientProvider client={client}>{changed}</QueryClientProvider>),
  };
}

/** An error as the admin API answers it. */
export function apiError(status: number, message: string, hint: string) {
  return { status, body: { error: { code: 'some-code', message, hint } } };
}
