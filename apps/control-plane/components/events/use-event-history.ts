'use client';
import type { ApiError, EventView } from '@sparewheel/protocol';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { askApi, toApiError } from '../live-connection/api-client.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { type EventFilter, eventsPath, mergeEvents } from './event-filter.ts';

const PAGE = 100;

interface History {
  /** What the filter was that these events were fetched with. */
  readonly key: string;
  readonly fetched: readonly EventView[];
  /** There may be older ones. */
  readonly more: boolean;
}

/** The history that matches a filter: the newest page, older ones on demand, new ones as they happen. */
export function useEventHistory(filter: EventFilter): {
  events: readonly EventView[];
  loading: boolean;
  more: boolean;
  problem: ApiError | null;
  loadOlder: () => void;
} {
  const { level, device, deployment } = filter;
  const key = eventsPath(filter, PAGE, null);
  const live = useLive((state) => state.events);
  const [history, setHistory] = useState<History | null>(null);
  const [problem, setProblem] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const current = history?.key === key ? history : null;

  const load = useCallback(
    async (older: readonly EventView[], signal?: AbortSignal) => {
      setBusy(true);
      setProblem(null);
      try {
        const before = older.at(-1)?.id ?? null;
        const path = eventsPath({ level, device, deployment, text: '' }, PAGE, before);
        const page = await askApi<readonly EventView[]>('GET', path, undefined, signal);
        setHistory({ key, fetched: [...older, ...page], more: page.length === PAGE });
      } catch (error) {
        if (!signal?.aborted) setProblem(toApiError(error));
      } finally {
        if (!signal?.aborted) setBusy(false);
      }
    },
    [key, level, device, deployment],
  );

  useEffect(() => {
    const abort = new AbortController();
    void load([], abort.signal);
    return () => abort.abort();
  }, [load]);

  const events = useMemo(
    () => (current === null ? [] : mergeEvents(current.fetched, live, filter)),
    [current, live, filter],
  );
  return {
    events,
    loading: busy || (current === null && problem === null),
    more: current?.more ?? false,
    problem,
    loadOlder: () => void load(current?.fetched ?? []),
  };
}
