'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { fleetRows, fleetSummary } from '../../src/view-model/fleet.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { Card } from '../ui/card.tsx';
import { DeviceRow } from './device-row.tsx';
import { EmptyFleet } from './empty-fleet.tsx';
import { FleetWheel } from './fleet-wheel.tsx';
import { useDeviceActions } from './use-device-actions.ts';

/** The fleet as the selected deployment uses it: drawn as a wheel, and as rows to act on. */
export function FleetPanel({ deployment }: { deployment: DeploymentView | null }) {
  const devices = useLive((state) => state.devices);
  const actions = useDeviceActions(devices);
  const rows = fleetRows(devices, deployment, actions.pending);

  return (
    <Card
      title="Fleet"
      hint={rows.length === 0 ? undefined : fleetSummary(rows)}
      style={{ gridArea: 'fleet' }}
    >
      {rows.length === 0 ? (
        <EmptyFleet />
      ) : (
        <div className="@container grid min-h-0 flex-1 xl:grid-cols-[minmax(15rem,19rem)_minmax(0,1fr)] 3xl:grid-cols-1">
          <FleetWheel rows={rows} />
          <ul
            aria-label="Devices"
            className="@container relative max-h-[44rem] min-w-0 overflow-y-auto xl:border-l 3xl:border-l-0"
          >
            {rows.map((row) => (
              <DeviceRow key={row.device.id} row={row} actions={actions} />
            ))}
          </ul>
        </div>
      )}
    </Card>
  );
}
