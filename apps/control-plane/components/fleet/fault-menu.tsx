'use client';
import { Ellipsis } from 'lucide-react';
import { deviceActions, FAULTS } from '../faults/fault-view.ts';
import { Button } from '../ui/button.tsx';
import { Menu, MenuContent, MenuItem, MenuLabel, MenuSeparator, MenuTrigger } from '../ui/menu.tsx';
import type { FleetRow } from './fleet-view.ts';
import type { DeviceCommands } from './use-device-actions.ts';

/** The faults that are neither kill nor revive. What is in it is made when it opens: a large fleet has a hundred. */
export function FaultMenu({ row, actions }: { row: FleetRow; actions: DeviceCommands }) {
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button
          variant="quiet"
          size="icon"
          aria-label={`More faults for ${row.device.name}`}
          title="More faults"
        >
          <Ellipsis />
        </Button>
      </MenuTrigger>
      <MenuContent className="w-72">
        <Faults row={row} actions={actions} />
      </MenuContent>
    </Menu>
  );
}

function Faults({ row: { device }, actions }: { row: FleetRow; actions: DeviceCommands }) {
  const can = deviceActions(device);
  return (
    <>
      <MenuLabel>{`Break ${device.name} another way`}</MenuLabel>
      {FAULTS.map((choice) => (
        <MenuItem
          key={choice.id}
          disabled={!can.fault}
          onSelect={() => actions.inflict(device, choice)}
          className="flex-col items-start gap-0"
        >
          <span className="font-medium">{choice.label}</span>
          <span className="text-xs text-ink-faint">{choice.effect}</span>
        </MenuItem>
      ))}
      {can.kill && can.revive && (
        <MenuItem
          onSelect={() => actions.kill(device)}
          className="flex-col items-start gap-0 text-danger-ink"
        >
          <span className="font-medium">Kill</span>
          <span className="text-xs">ends its process at once (SIGKILL)</span>
        </MenuItem>
      )}
      <MenuSeparator />
      <MenuItem
        disabled={!can.heal}
        onSelect={() => actions.heal(device)}
        className="flex-col items-start gap-0"
      >
        <span className="font-medium">Heal</span>
        <span className="text-xs text-ink-faint">ends every emulated fault of this device</span>
      </MenuItem>
    </>
  );
}
