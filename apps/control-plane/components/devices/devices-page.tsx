'use client';
import { useState } from 'react';
import { DeviceRow, rowColumns } from '../fleet/device-row.tsx';
import { EmptyFleet } from '../fleet/empty-fleet.tsx';
import { fleetRows, fleetSummary } from '../fleet/fleet-view.ts';
import { useDeviceActions } from '../fleet/use-device-actions.ts';
import { useStableRows } from '../fleet/use-stable-rows.ts';
import { JoinDialog } from '../join/join-dialog.tsx';
import { useLive, useLoaded } from '../live-connection/live-queries.ts';
import { LoadingPage } from '../shell/loading-page.tsx';
import { PageHeading } from '../shell/page-heading.tsx';
import { Card } from '../ui/card.tsx';
import { Input } from '../ui/field.tsx';
import { ForgetDeparted } from './forget-departed.tsx';

/** All devices of the fleet. */
export function DevicesPage() {
  const loaded = useLoaded();
  const devices = useLive('devices');
  const actions = useDeviceActions(devices);
  const [text, setText] = useState('');
  const { rows, handlers } = useStableRows(fleetRows(devices, null, actions.pending), null);
  if (!loaded) return <LoadingPage />;

  const columns = rowColumns(rows);
  const sought = text.trim().toLowerCase();
  const found = rows.filter(({ device, stateLabel }) =>
    `${device.name} ${device.platform} ${device.roles.join(' ')} ${stateLabel}`
      .toLowerCase()
      .includes(sought),
  );
  return (
    <div className="flex flex-col gap-4">
      <PageHeading
        title="Devices"
        hint={rows.length === 0 ? 'Devices that join appear here.' : fleetSummary(rows)}
        actions={
          <>
            <ForgetDeparted devices={devices} />
            <JoinDialog />
          </>
        }
      />
      <Card
        title="Fleet"
        className="@container"
        actions={
          rows.length > 0 && (
            <Input
              type="search"
              aria-label="Filter devices by name, platform, role or state"
              placeholder="Filter"
              className="h-7 w-44"
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          )
        }
      >
        {rows.length === 0 ? (
          <EmptyFleet />
        ) : found.length === 0 ? (
          <p className="border-t px-4 py-8 text-ink-soft">No device matches “{text.trim()}”.</p>
        ) : (
          <ul
            {...handlers}
            aria-label="Devices"
            className="grid @min-[76rem]:grid-cols-2 @min-[118rem]:grid-cols-3"
          >
            {found.map((row) => (
              <DeviceRow
                key={row.device.id}
                row={row}
                columns={columns}
                problem={actions.problems.get(row.device.id)}
              />
            ))}
          </ul>
        )}
      </Card>
    </div>
  );
}
