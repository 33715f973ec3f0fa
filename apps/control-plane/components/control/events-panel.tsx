'use client';
import Link from 'next/link';
import { EventList } from '../events/event-list.tsx';
import { useLive } from '../live-connection/live-queries.ts';
import { Card } from '../ui/card.tsx';
import { ScrollArea } from '../ui/scroll-area.tsx';

/** More would slow down the page, which updates every second. The events page has all of them. */
const SHOWN = 60;

/** The newest events. The events page has the whole history. */
export function EventsPanel() {
  const events = useLive('events');
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
    >
      {events.length === 0 ? (
        <p className="border-t px-4 py-6 text-ink-soft">
          No events yet. Faults, deployments and joining devices appear here.
        </p>
      ) : (
        <ScrollArea
          label="Newest events"
          // As high as its column. The basis is in pixels: 0 % of an unknown height would be the whole list.
          className="max-h-96 border-t min-[70rem]:max-h-none min-[70rem]:min-h-64 min-[70rem]:grow min-[70rem]:basis-[0px]"
        >
          <EventList events={events.slice(0, SHOWN)} label="Recent events" />
        </ScrollArea>
      )}
    </Card>
  );
}
