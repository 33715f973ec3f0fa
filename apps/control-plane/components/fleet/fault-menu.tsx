'use client';
import type { DeviceView } from '@sparewheel/protocol';
import { Ellipsis } from 'lucide-react';
import { deviceActions, FAULTS } from '../faults/fault-view.ts';
import { Button } from '../ui/button.tsx';
import { Menu, MenuContent, MenuItem, MenuLabel, MenuSeparator, MenuTrigger } from '../ui/menu.tsx';
import { deviceCommands } from './use-device-actions.ts';

/** The other faults. Its items render when it opens: a large fleet has a hundred of these menus. */
export function FaultMenu({ device, onForget }: { device: DeviceView; onForget: () => void }) {
  return (
    <Menu>
      <MenuTrigger asChild>
        <Button variant="quiet" size="icon" aria-label={`More faults for ${device.name}`} title="More faults">
          <Ellipsis />
        </Button>
      </MenuTrigger>
      <MenuContent className="w-72">
        <Faults device={device} onForget={onForget} />
      </MenuContent>
    </Menu>
  );
}

function Faults({ device, onForget }: { device: DeviceView; onForget: () => void }) {
  const can = deviceActions(device);
  return (
    <>
      <MenuLabel>{`Faults for ${device.name}`}</MenuLabel>
      {FAULTS.map((choice) => (
        <MenuItem
          key={choice.id}
          disabled={!can.fault}
          onSelect={() => void deviceCommands.inflict(device, choice)}
          className="flex-col items-start gap-0"
        >
          <span className="font-medium">{choice.label}</span>
          <span className="text-xs text-ink-faint">{choice.effect}</span>
        </MenuItem>
      ))}
      {can.kill && (can.revive || can.release) && (
        <MenuItem
          onSelect={() => deviceCommands.kill(device)}
          className="flex-col items-start gap-0 text-danger-ink"
        >
          <span className="font-medium">Kill</span>
          <span className="text-xs">ends its process at once (SIGKILL)</span>
        </MenuItem>
      )}
      <MenuSeparator />
      <MenuItem
        disabled={!can.heal}
        onSelect={() => deviceCommands.heal(device)}
        className="flex-col items-start gap-0"
      >
        <span className="font-medium">Heal</span>
        <span className="text-xs text-ink-faint">ends all emulated faults of this device</span>
      </MenuItem>
      {can.forget && (
        <MenuItem onSelect={onForget} className="flex-col items-start gap-0">
          <span className="font-medium">Forget…</span>
          <span className="text-xs text-ink-faint">removes this device from the fleet</span>
        </MenuItem>
      )}
    </>
  );
}
