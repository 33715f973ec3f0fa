'use client';
import Link from 'next/link';
import { EventList } from '../events/event-list.tsx';
import { useLive } from '../live-connection/live-provider.tsx';
import { Card } from '../ui/card.tsx';
import { ScrollArea } from '../ui/scroll-area.tsx';

/** The others are on the page of their own; here they would only be drawn anew every second. */
const SHOWN = 60;

/** What happened, newest first; the whole history has a page of its own. */
export function EventsPanel() {
  const events = useLive((state) => state.events);
  return (
    <Card
      title="Events"
      hint={events.length > 0 ? 'newest first' : undefined}
      actions={
        <Link
          href="/events"
          className="rounded-md px-1 text-xs font-medium text-ink-soft underline-offset-4 hover:text-ink hover:underline"
        >
          All events
        </Link>
      }
      style={{ gridArea: 'events' }}
    >
      {events.length === 0 ? (
        <p className="border-t px-4 py-6 text-ink-soft">
          Nothing has happened yet. Kill a device, and it stands here.
        </p>
      ) : (
        <ScrollArea
          label="Newest events"
          // As tall as what stands beside it. In pixels: 0 % of a height that is not known yet is the whole list's.
          className="max-h-96 border-t 3xl:max-h-none 3xl:min-h-96 3xl:grow 3xl:basis-[0px]"
        >
          <EventList events={events.slice(0, SHOWN)} label="Recent events" />
        </ScrollArea>
      )}
    </Card>
  );
}
