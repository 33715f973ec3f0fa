'use client';
import type { EventView } from '@sparewheel/protocol';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { askApi } from '../live-connection/api-client.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { type EventFilter, eventsPath, mergeEvents } from './event-filter.ts';

const PAGE = 100;

/** Returns the events that match a filter: the newest page, older pages on demand, and new events as they happen. */
export function useEventHistory(filter: EventFilter) {
  const live = useLive('events');
  const history = useInfiniteQuery({
    // The API does not filter by text, so the text is not part of the key.
    queryKey: ['api', eventsPath(filter, PAGE, null)],
    queryFn: ({ pageParam, signal }) =>
      askApi<readonly EventView[]>('GET', eventsPath(filter, PAGE, pageParam), undefined, signal),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => (page.length === PAGE ? page.at(-1)?.id : undefined),
  });
  const events = useMemo(
    () => (history.data === undefined ? [] : mergeEvents(history.data.pages.flat(), live, filter)),
    [history.data, live, filter],
  );
  return {
    events,
    /** The newest page, or an older page that was asked for, is on its way. */
    loading: history.isPending || history.isFetchingNextPage,
    more: history.hasNextPage,
    error: history.error,
    loadOlder: () => void history.fetchNextPage(),
    retry: () => void history.refetch(),
  };
}
