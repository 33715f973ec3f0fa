'use client';
import type { DeviceView } from '@sparewheel/protocol';
import Link from 'next/link';
import { useLive } from '../live-connection/live-provider.tsx';
import { RoleBadge } from '../ui/badge.tsx';
import { Card } from '../ui/card.tsx';
import { formatBytes } from '../ui/format.ts';

/** Where it sits: in which deployments, as what, and how much of its shards it has. */
export function DeviceSeats({ device }: { device: DeviceView }) {
  const deployments = useLive((state) => state.deployments);
  return (
    <Card title="Seats and shards">
      {device.seats.length === 0 ? (
        <p className="border-t px-4 py-6 text-ink-soft">
          It has no seat: a spare, ready to take over from whichever device is lost.
        </p>
      ) : (
        <ul aria-label="Seats">
          {device.seats.map((seat) => {
            const shown = deployments
              .find(({ name }) => name === seat.deployment)
              ?.progress.seats.find((candidate) => candidate.seat === seat.seat);
            return (
              <li
                key={`${seat.deployment} ${seat.seat}`}
                className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t px-4 py-2.5 text-[0.8125rem]"
              >
                <Link
                  href={`/?deployment=${encodeURIComponent(seat.deployment)}`}
                  className="font-medium underline-offset-4 hover:underline"
                >
                  {seat.deployment}
                </Link>
                <RoleBadge role={seat.role}>{seat.role}</RoleBadge>
                <span className="text-ink-faint">shard {seat.seat} of every coded layer</span>
                <span className="ml-auto">
                  {seat.state === 'ready'
                    ? 'ready'
                    : seat.state === 'down'
                      ? 'not serving'
                      : shown
                        ? `${formatBytes(shown.sentBytes)} of ${formatBytes(shown.totalBytes)}`
                        : 'loading'}
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}
