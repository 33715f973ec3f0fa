'use client';
import type { EventView } from '@sparewheel/protocol';
import { useMutation } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { useSearchParams } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { toCsv } from '../export/csv.ts';
import { saveFile } from '../export/save-file.ts';
import { askApi } from '../live-connection/api-client.ts';
import { useLoaded } from '../live-connection/live-queries.ts';
import { ErrorNotice, toastError } from '../shell/errors.tsx';
import { LoadingPage } from '../shell/loading-page.tsx';
import { PageHeading } from '../shell/page-heading.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { formatCount } from '../ui/format.ts';
import {
  ALL_EVENTS,
  addressOf,
  type EventFilter,
  eventsPath,
  eventsTable,
  filterFromAddress,
  matchesFilter,
} from './event-filter.ts';
import { EventFilters } from './event-filters.tsx';
import { EventList } from './event-list.tsx';
import { useEventHistory } from './use-event-history.ts';

type Format = 'csv' | 'json';

/** All events: filtered, loaded page by page, and exported. */
export function EventsPage() {
  const loaded = useLoaded();
  const parameters = useSearchParams();
  const [filter, setFilter] = useState<EventFilter>(() => filterFromAddress(parameters));
  const { events, loading, more, error, loadOlder, retry } = useEventHistory(filter);
  const filtered = addressOf(filter) !== '';
  const save = useMutation({
    mutationFn: (format: Format) => exportEvents(filter, format),
    onSuccess: (count, format) => toast(`Saved ${formatCount(count)} events as events.${format}.`),
    onError: (problem) => toastError(problem),
  });
  if (!loaded) return <LoadingPage />;

  function choose(next: EventFilter) {
    setFilter(next);
    window.history.replaceState(null, '', `/events${addressOf(next)}`);
  }

  return (
    <div className="flex flex-col gap-4">
      <PageHeading
        title="Events"
        hint="Newest first. Updates live."
        actions={(['csv', 'json'] as const).map((format) => (
          <Button key={format} size="small" disabled={save.isPending} onClick={() => save.mutate(format)}>
            <Download />
            {format.toUpperCase()}
          </Button>
        ))}
      />
      <Card
        title="History"
        hint={loading ? 'loading…' : error ? undefined : `${events.length}${more ? '+' : ''} events`}
        actions={
          filtered && (
            <Button size="small" variant="quiet" onClick={() => choose(ALL_EVENTS)}>
              Clear filter
            </Button>
          )
        }
      >
        <EventFilters filter={filter} onChange={choose} />
        {error && (
          <div className="border-t p-4">
            <ErrorNotice error={error} onRetry={retry} />
          </div>
        )}
        {events.length > 0 && (
          <div data-testid="events" className="border-t">
            <EventList events={events} label="Events" linked />
          </div>
        )}
        {events.length === 0 && !loading && error === null && (
          <p className="border-t px-4 py-8 text-ink-soft">
            {filtered
              ? more
                ? 'No match among the newest events. Load older events to search further back.'
                : 'No event matches this filter.'
              : 'No events yet. Faults, deployments and joining devices appear here.'}
          </p>
        )}
        {more && (
          <div className="border-t p-3 text-center">
            <Button size="small" disabled={loading} onClick={loadOlder}>
              {loading ? 'Loading…' : 'Load older events'}
            </Button>
          </div>
        )}
      </Card>
    </div>
  );
}

/** The API's largest page. */
const EXPORT_PAGE = 1_000;
/** A bound on the number of requests; a spreadsheet can hold more. */
const EXPORT_AT_MOST = 20_000;

/** Downloads all events that match, also those that the page has not loaded. @returns the number of events */
async function exportEvents(filter: EventFilter, format: Format): Promise<number> {
  const all: EventView[] = [];
  for (;;) {
    const path = eventsPath(filter, EXPORT_PAGE, all.at(-1)?.id ?? null);
    const page = await askApi<readonly EventView[]>('GET', path);
    all.push(...page);
    if (page.length < EXPORT_PAGE || all.length >= EXPORT_AT_MOST) break;
  }
  const events = all.filter((event) => matchesFilter(event, filter));
  const [text, type] =
    format === 'csv'
      ? [toCsv(eventsTable(events)), 'text/csv']
      : [`${JSON.stringify(events, null, 2)}\n`, 'application/json'];
  saveFile(new Blob([text], { type }), `events.${format}`);
  return events.length;
}
