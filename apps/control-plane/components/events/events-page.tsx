'use client';
import { Download } from 'lucide-react';
import { useSearchParams } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { toApiError } from '../live-connection/api-client.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { LoadingPage } from '../shell/loading-page.tsx';
import { PageHeading } from '../shell/page-heading.tsx';
import { Button } from '../ui/button.tsx';
import { Card } from '../ui/card.tsx';
import { Notice } from '../ui/notice.tsx';
import { ALL_EVENTS, addressOf, type EventFilter, filterFromAddress } from './event-filter.ts';
import { EventFilters } from './event-filters.tsx';
import { EventList } from './event-list.tsx';
import { exportEvents } from './export-events.ts';
import { useEventHistory } from './use-event-history.ts';

/** The whole history: filtered, paged back, taken away as a file. */
export function EventsPage() {
  const loaded = useLive((state) => state.loaded);
  const parameters = useSearchParams();
  const [filter, setFilter] = useState<EventFilter>(() => filterFromAddress(parameters));
  const { events, loading, more, problem, loadOlder } = useEventHistory(filter);
  const filtered = addressOf(filter) !== '';
  if (!loaded) return <LoadingPage />;

  function choose(next: EventFilter) {
    setFilter(next);
    window.history.replaceState(null, '', `/events${addressOf(next)}`);
  }

  async function save(format: 'csv' | 'json') {
    try {
      const count = await exportEvents(filter, format);
      toast(`${count} events are in events.${format}.`);
    } catch (error) {
      const { message, hint } = toApiError(error);
      toast.error(message, { description: hint });
    }
  }

  return (
    <div className="flex flex-col gap-4">
      <PageHeading
        title="Events"
        hint="What happened, newest first; new ones come by themselves."
        actions={(['csv', 'json'] as const).map((format) => (
          <Button key={format} size="small" onClick={() => void save(format)}>
            <Download />
            {format.toUpperCase()}
          </Button>
        ))}
      />
      <Card
        title="History"
        hint={loading ? 'loading…' : `${events.length}${more ? '+' : ''} events`}
        actions={
          filtered && (
            <Button size="small" variant="quiet" onClick={() => choose(ALL_EVENTS)}>
              Clear the filter
            </Button>
          )
        }
      >
        <EventFilters filter={filter} onChange={choose} />
        {problem && (
          <div className="border-t p-4">
            <Notice tone="danger" title={problem.message}>
              {problem.hint}
            </Notice>
          </div>
        )}
        {events.length > 0 && (
          <div data-testid="events" className="border-t">
            <EventList events={events} label="Events" linked />
          </div>
        )}
        {events.length === 0 && !loading && problem === null && (
          <p className="border-t px-4 py-8 text-ink-soft">
            {filtered
              ? more
                ? 'Nothing among the newest events matches. Load older ones to look further back.'
                : 'Nothing that happened matches this filter.'
              : 'Nothing has happened yet. Deploy a model or kill a device, and it stands here.'}
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
