'use client';
import { RotateCcw, Skull } from 'lucide-react';
import { deviceActions, killTitle, reviveTitle } from '../../src/view-model/faults.ts';
import type { FleetRow } from '../../src/view-model/fleet.ts';
import { Button } from '../ui/button.tsx';
import { FaultMenu } from './fault-menu.tsx';
import type { DeviceCommands } from './use-device-actions.ts';

/** Kill or revive, and the menu of the other faults. */
export function DeviceButtons({ row, actions }: { row: FleetRow; actions: DeviceCommands }) {
  const { device, pending } = row;
  const can = deviceActions(device);
  return (
    <div className="flex items-center gap-1">
      {can.kill && !can.revive ? (
        <Button
          variant="danger"
          size="small"
          className="w-19"
          disabled={pending !== null}
          title={killTitle(device)}
          aria-label={killTitle(device)}
          onClick={() => actions.kill(device)}
        >
          <Skull />
          {pending === 'kill' ? 'Killing' : 'Kill'}
        </Button>
      ) : (
        <Button
          variant="ok"
          size="small"
          className="w-19"
          disabled={pending !== null || !can.revive}
          title={reviveTitle(device)}
          aria-label={reviveTitle(device)}
          onClick={() => actions.revive(device)}
        >
          <RotateCcw />
          {pending === 'revive' ? 'Reviving' : 'Revive'}
        </Button>
      )}
      <FaultMenu row={row} actions={actions} />
    </div>
  );
}
