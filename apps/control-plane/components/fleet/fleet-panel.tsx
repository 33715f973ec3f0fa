'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import Link from 'next/link';
import { JoinDialog } from '../join/join-dialog.tsx';
import { useLive } from '../live-connection/live-queries.ts';
import { Card } from '../ui/card.tsx';
import { DeviceRow, rowColumns } from './device-row.tsx';
import { EmptyFleet } from './empty-fleet.tsx';
import { fleetRows, fleetSummary } from './fleet-view.ts';
import { FleetWheel } from './fleet-wheel.tsx';
import { useDeviceActions } from './use-device-actions.ts';
import { useStableRows } from './use-stable-rows.ts';
import { wheelRows } from './wheel.ts';

/** The fleet as the selected deployment uses it: a wheel, and rows with actions. */
export function FleetPanel({ deployment }: { deployment: DeploymentView | null }) {
  const devices = useLive('devices');
  const actions = useDeviceActions(devices);
  const { rows, homes, handlers } = useStableRows(
    fleetRows(devices, deployment, actions.pending),
    deployment?.name ?? null,
  );
  const { shown, others } = wheelRows(rows, homes);
  const columns = rowColumns(shown);

  return (
    <Card
      title="Fleet"
      hint={rows.length === 0 ? undefined : fleetSummary(rows)}
      actions={<JoinDialog />}
      className="@container"
    >
      {rows.length === 0 ? (
        <EmptyFleet />
      ) : (
        <div className="grid min-h-0 flex-1 grid-cols-[minmax(0,1fr)] @min-[49rem]:grid-cols-[13rem_minmax(0,1fr)] @min-[58rem]:grid-cols-[19rem_minmax(0,1fr)]">
          <FleetWheel rows={shown} />
          <ul
            {...handlers}
            aria-label="Devices"
            className="@container relative max-h-[36rem] min-w-0 overflow-y-auto @min-[49rem]:border-l"
          >
            {shown.map((row) => (
              <DeviceRow
                key={row.device.id}
                row={row}
                columns={columns}
                compact
                problem={actions.problems.get(row.device.id)}
              />
            ))}
            {others > 0 && (
              <li className="border-t px-4 py-3 text-xs text-ink-soft">
                {others} more {others === 1 ? 'device has' : 'devices have'} no shard of this deployment and
                no problem.{' '}
                <Link href="/devices" className="font-medium text-ink underline underline-offset-4">
                  See all {rows.length} devices
                </Link>
              </li>
            )}
          </ul>
        </div>
      )}
    </Card>
  );
}
