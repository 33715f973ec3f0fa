'use client';
import type { DeviceView } from '@sparewheel/protocol';
import Link from 'next/link';
import { useLive } from '../live-connection/live-queries.ts';
import { RoleBadge } from '../ui/badge.tsx';
import { Card } from '../ui/card.tsx';
import { formatBytes } from '../ui/format.ts';

/** The seats of a device: the deployment, the role, and the progress of its shards. */
export function DeviceSeats({ device }: { device: DeviceView }) {
  const deployments = useLive('deployments');
  return (
    <Card title="Shards">
      {device.seats.length === 0 ? (
        <p className="border-t px-4 py-6 text-ink-soft">
          {device.state === 'ready'
            ? 'On standby: it can take over the shards of a device that fails.'
            : 'No shards'}
        </p>
      ) : (
        <ul aria-label="Shards">
          {device.seats.map((seat) => {
            const progress = deployments
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
                <span className="text-ink-faint">shard {seat.seat}</span>
                <span className="ml-auto">
                  {seat.state === 'ready'
                    ? 'ready'
                    : seat.state === 'down'
                      ? 'not serving'
                      : progress
                        ? `${formatBytes(progress.sentBytes)} of ${formatBytes(progress.totalBytes)}`
                        : 'receiving'}
                </span>
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}
