'use client';
import { RotateCcw, Skull } from 'lucide-react';
import { deviceActions, killTitle, reviveTitle } from '../faults/fault-view.ts';
import { Button } from '../ui/button.tsx';
import { FaultMenu } from './fault-menu.tsx';
import type { FleetRow } from './fleet-view.ts';
import type { DeviceCommands } from './use-device-actions.ts';
import { useJustChanged } from './use-just-changed.ts';

/** Somebody who presses Kill just when another operator's kill shows does not mean the Revive that takes its place. */
const NOT_MEANT_MS = 500;

/** Kill or revive, and the menu of the other faults. */
export function DeviceButtons({ row, actions }: { row: FleetRow; actions: DeviceCommands }) {
  const { device, pending } = row;
  const can = deviceActions(device);
  const kills = can.kill && !can.revive;
  const blocked = useJustChanged(kills, NOT_MEANT_MS) || pending !== null;
  return (
    <div className="flex items-center gap-1">
      {kills ? (
        <Button
          variant="danger"
          size="small"
          className="w-19"
          disabled={blocked}
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
          disabled={blocked || !can.revive}
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
