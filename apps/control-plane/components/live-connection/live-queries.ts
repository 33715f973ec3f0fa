'use client';
import type { EventView, UiSnapshot } from '@sparewheel/protocol';
import { QueryClient, skipToken, useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import { useFirstPaint } from '../ui/use-first-paint.ts';
import { askApi } from './api-client.ts';

/** The server keeps the whole history; the pages show the newest events. */
export const EVENTS_SHOWN = 200;

export const EMPTY: UiSnapshot = {
  at: '',
  devices: [],
  deployments: [],
  models: [],
  latency: [],
  events: [],
  startedAt: '',
  inferenceUrl: '',
  grpcAddress: null,
};
const PARTS = Object.keys(EMPTY) as (keyof UiSnapshot)[];

/**
 * Creates the cache of everything that the server has said. Keys: `['live', part]` for data that the socket pushes,
 * `['api', path]` for answers of the admin API.
 */
export function createQueryClient(): QueryClient {
  const client = new QueryClient({
    defaultOptions: {
      // Sparewheel may run without internet, and pages report an error at once: no online check, no retries.
      queries: { networkMode: 'always', retry: false, refetchOnWindowFocus: false },
      mutations: { networkMode: 'always', retry: false },
    },
  });
  // Only the socket replaces pushed data, so it never expires.
  client.setQueryDefaults(['live'], { staleTime: Infinity, gcTime: Infinity });
  return client;
}

/** Writes pushed data into the cache. Unchanged parts keep their identity, so their components do not render. */
export function writeLive<Part extends keyof UiSnapshot>(
  client: QueryClient,
  part: Part,
  value: UiSnapshot[Part],
): void {
  client.setQueryData(['live', part], value);
}

export function writeSnapshot(client: QueryClient, snapshot: UiSnapshot): void {
  for (const part of PARTS) writeLive(client, part, snapshot[part]);
}

export function hasSnapshot(client: QueryClient): boolean {
  return (client.getQueryData<string>(['live', 'at']) ?? '') !== '';
}

/** Adds an event unless it is known: a snapshot and a push may contain the same event. */
export function writeEvent(client: QueryClient, event: EventView): void {
  const known = client.getQueryData<readonly EventView[]>(['live', 'events']) ?? [];
  if (known.some(({ id }) => id === event.id)) return;
  const events = [event, ...known].sort((a, b) => b.id - a.id);
  writeLive(client, 'events', events.slice(0, EVENTS_SHOWN));
}

/** The state of the first paint, which the server took. It does not change while the browser hydrates the page. */
export const FirstState = createContext<UiSnapshot>(EMPTY);

/**
 * Returns a part of the pushed data; empty before the first snapshot.
 * @param select  reduces the part to what the component shows; the component renders only if the result changes
 */
export function useLive<Part extends keyof UiSnapshot, Selected = UiSnapshot[Part]>(
  part: Part,
  select?: (value: UiSnapshot[Part]) => Selected,
): Selected {
  const first = useContext(FirstState)[part];
  const firstPaint = useFirstPaint();
  const { data } = useQuery<UiSnapshot[Part], Error, Selected>({
    queryKey: ['live', part],
    queryFn: skipToken,
    initialData: EMPTY[part],
    ...(select === undefined ? {} : { select }),
  });
  // The connection may deliver newer data before the page is hydrated.
  if (firstPaint) return select === undefined ? (first as Selected) : select(first);
  return data as Selected;
}

/** Returns whether a snapshot has arrived. The data may be old after a lost connection, but it is real. */
export function useLoaded(): boolean {
  return useLive('at') !== '';
}

/**
 * Returns the admin API's answer to a GET. The last answer stays while the next one is on its way or fails.
 * @param path     null sends no request
 * @param everyMs  time between two requests; false asks once
 */
export function useApi<Answer>(path: string | null, everyMs: number | false = false) {
  return useQuery<Answer>({
    queryKey: ['api', path],
    queryFn: path === null ? skipToken : ({ signal }) => askApi<Answer>('GET', path, undefined, signal),
    refetchInterval: everyMs,
  });
}
