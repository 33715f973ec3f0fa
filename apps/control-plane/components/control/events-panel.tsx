'use client';
import type { EventLevel } from '@sparewheel/protocol';
import type { Tone } from '../../src/view-model/fleet.ts';
import { formatAgo } from '../../src/view-model/format.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { Card } from '../ui/card.tsx';
import { StatusDot } from '../ui/status-dot.tsx';
import { useNow } from '../use-now.ts';

const LEVELS: Record<EventLevel, Tone> = { info: 'muted', warning: 'warning', error: 'danger' };
const LEVEL_NAMES: Record<EventLevel, string> = { info: '', warning: 'Warning: ', error: 'Error: ' };

/** What happened, newest first. */
export function EventsPanel() {
  const events = useLive((state) => state.events);
  const now = useNow(1_000);
  return (
    <Card title="Events" hint={events.length > 0 ? 'newest first' : undefined} style={{ gridArea: 'events' }}>
      {events.length === 0 ? (
        <p className="border-t px-4 py-6 text-ink-soft">
          Nothing has happened yet. Kill a device, and it stands here.
        </p>
      ) : (
        <ol aria-label="Recent events" className="relative max-h-96 overflow-y-auto border-t py-1">
          {events.map((event) => (
            <li
              key={event.id}
              className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-baseline gap-x-2.5 px-4 py-1 text-[0.8125rem] leading-5"
            >
              <StatusDot tone={LEVELS[event.level]} className="translate-y-[-1px]" />
              <span className="min-w-0 break-words">
                <span className="sr-only">{LEVEL_NAMES[event.level]}</span>
                {event.message}
              </span>
              <time dateTime={event.at} title={event.at} className="text-xs whitespace-nowrap text-ink-faint">
                {formatAgo(event.at, now)}
              </time>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}
