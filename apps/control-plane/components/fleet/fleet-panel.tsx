'use client';
import type { DeploymentView } from '@sparewheel/protocol';
import { fleetRows, fleetSummary } from '../../src/view-model/fleet.ts';
import { JoinDialog } from '../join/join-dialog.tsx';
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
      actions={<JoinDialog />}
      className="@container"
      style={{ gridArea: 'fleet' }}
    >
      {rows.length === 0 ? (
        <EmptyFleet />
      ) : (
        <div className="grid min-h-0 flex-1 grid-cols-[minmax(0,1fr)] @min-[50rem]:grid-cols-[15rem_minmax(0,1fr)] @min-[58rem]:grid-cols-[19rem_minmax(0,1fr)]">
          <FleetWheel rows={rows} />
          <ul
            aria-label="Devices"
            className="@container relative max-h-[36rem] min-w-0 overflow-y-auto @min-[50rem]:border-l"
          >
            {rows.map((row) => (
              <DeviceRow
                key={row.device.id}
                row={row}
                problem={actions.problems.get(row.device.id)}
                commands={actions.commands}
              />
            ))}
          </ul>
        </div>
      )}
    </Card>
  );
}
