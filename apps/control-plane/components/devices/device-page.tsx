'use client';
import Link from 'next/link';
import { useMemo } from 'react';
import { ALL_EVENTS } from '../events/event-filter.ts';
import { EventList } from '../events/event-list.tsx';
import { useEventHistory } from '../events/use-event-history.ts';
import { ActiveFaults } from '../faults/active-faults.tsx';
import { FaultForm } from '../faults/fault-form.tsx';
import { DeviceButtons } from '../fleet/device-buttons.tsx';
import { fleetRows } from '../fleet/fleet-view.ts';
import { useDeviceActions } from '../fleet/use-device-actions.ts';
import { useLive, useLoaded } from '../live-connection/live-queries.ts';
import { Breadcrumb } from '../shell/breadcrumb.tsx';
import { ErrorNotice } from '../shell/errors.tsx';
import { LoadingPage } from '../shell/loading-page.tsx';
import { PageHeading } from '../shell/page-heading.tsx';
import { Card } from '../ui/card.tsx';
import { Notice } from '../ui/notice.tsx';
import { ScrollArea } from '../ui/scroll-area.tsx';
import { StatusDot } from '../ui/status-dot.tsx';
import { DeviceArrivals } from './device-arrivals.tsx';
import { DeviceMemory, DeviceProfile } from './device-profile.tsx';
import { DeviceSeats } from './device-seats.tsx';

/** One device: its profile, shards, arrivals, events and faults. */
export function DevicePage({ id }: { id: string }) {
  const loaded = useLoaded();
  const devices = useLive('devices');
  const actions = useDeviceActions(devices);
  const row = fleetRows(devices, null, actions.pending).find(({ device }) => device.id === id);
  if (!loaded) return <LoadingPage />;
  if (row === undefined) return <UnknownDevice id={id} />;

  const { device } = row;
  const problem = actions.problems.get(id);
  return (
    <div className="flex flex-col gap-4">
      <Breadcrumb href="/devices">Devices</Breadcrumb>
      <PageHeading
        title={device.name}
        hint={
          <span className="flex flex-wrap items-center gap-x-2">
            <StatusDot tone={row.tone} pulse={row.pending !== null} />
            <span data-testid="device-state">{row.stateLabel}</span>
            <span className="text-ink-faint">
              {[device.platform, device.reason].filter(Boolean).join(' · ')}
            </span>
          </span>
        }
        actions={<DeviceButtons row={row} />}
      />
      {problem !== undefined && <Notice tone="danger">{problem}</Notice>}
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="flex min-w-0 flex-col gap-4">
          <DeviceProfile device={device} />
          <DeviceArrivals device={device} />
          <DeviceSeats device={device} />
          <DeviceEvents id={id} />
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <DeviceMemory device={device} />
          <Card title="Faults">
            <div className="border-t p-4">
              <FaultForm device={device} />
            </div>
            <div className="border-t p-4">
              <h3 className="mb-2 text-xs font-medium text-ink-soft">Active faults</h3>
              <ActiveFaults devices={[device]} />
            </div>
          </Card>
        </div>
      </div>
    </div>
  );
}

function DeviceEvents({ id }: { id: string }) {
  const filter = useMemo(() => ({ ...ALL_EVENTS, device: id }), [id]);
  const { events, loading, error, retry } = useEventHistory(filter);
  return (
    <Card
      title="Events"
      actions={
        <Link
          href={`/events?device=${encodeURIComponent(id)}`}
          className="rounded-md px-1 text-xs font-medium text-ink-soft underline-offset-4 hover:text-ink hover:underline"
        >
          Filter and export
        </Link>
      }
    >
      {error && (
        <div className="border-t p-4">
          <ErrorNotice error={error} onRetry={retry} />
        </div>
      )}
      {events.length > 0 ? (
        <ScrollArea label="Events of this device" className="max-h-96 border-t">
          <EventList events={events} label="Events of this device" />
        </ScrollArea>
      ) : (
        error === null && (
          <p className="border-t px-4 py-6 text-ink-soft">
            {loading ? 'Loading…' : 'No events of this device yet'}
          </p>
        )
      )}
    </Card>
  );
}

function UnknownDevice({ id }: { id: string }) {
  return (
    <div className="flex flex-col gap-4">
      <Breadcrumb href="/devices">Devices</Breadcrumb>
      <PageHeading
        title="Unknown device"
        hint={<code className="font-mono [overflow-wrap:anywhere]">{id}</code>}
      />
      <Notice title="No device has this identity.">
        It was forgotten, it never joined this control plane, or the address is wrong.{' '}
        <Link href="/devices" className="font-medium text-ink underline underline-offset-4">
          See all devices
        </Link>
        .
      </Notice>
    </div>
  );
}
