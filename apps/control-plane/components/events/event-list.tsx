'use client';
import type { EventLevel, EventView } from '@sparewheel/protocol';
import Link from 'next/link';
import type { Tone } from '../fleet/fleet-view.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { formatAgo } from '../ui/format.ts';
import { StatusDot } from '../ui/status-dot.tsx';
import { useNow } from '../use-now.ts';

const LEVELS: Record<EventLevel, Tone> = { info: 'muted', warning: 'warning', error: 'danger' };
const LEVEL_NAMES: Record<EventLevel, string> = { info: '', warning: 'Warning: ', error: 'Error: ' };

/** Events with level, message and time, newest first. `linked` adds links to their device and deployment. */
export function EventList({
  events,
  label,
  linked = false,
}: {
  events: readonly EventView[];
  label: string;
  linked?: boolean;
}) {
  const now = useNow();
  return (
    <ol aria-label={label} className="py-1">
      {events.map((event) => (
        <li
          key={event.id}
          data-level={event.level}
          className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-baseline gap-x-2.5 px-4 py-1 text-[0.8125rem] leading-5"
        >
          <StatusDot tone={LEVELS[event.level]} className="translate-y-[-1px]" />
          <span className="min-w-0 [overflow-wrap:anywhere]">
            <span className="sr-only">{LEVEL_NAMES[event.level]}</span>
            {event.message}
            {linked && <Links event={event} />}
          </span>
          <time dateTime={event.at} title={event.at} className="text-xs whitespace-nowrap text-ink-faint">
            {formatAgo(event.at, now)}
          </time>
        </li>
      ))}
    </ol>
  );
}

function Links({ event: { device, deployment } }: { event: EventView }) {
  const name = useLive('devices', (all) => all.find(({ id }) => id === device)?.name);
  const link = 'min-w-0 rounded-sm underline-offset-4 hover:text-ink hover:underline';
  return (
    <span className="ml-2 inline-flex max-w-full flex-wrap gap-x-2 text-xs text-ink-faint">
      {device !== null && name !== undefined && (
        <Link href={`/devices/${encodeURIComponent(device)}`} className={link}>
          {name}
        </Link>
      )}
      {deployment !== null && (
        <Link href={`/?deployment=${encodeURIComponent(deployment)}`} className={link}>
          {deployment}
        </Link>
      )}
    </span>
  );
}
