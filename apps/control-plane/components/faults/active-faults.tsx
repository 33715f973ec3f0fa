'use client';
import { type DeviceView, faultWords } from '@sparewheel/protocol';
import { Undo2 } from 'lucide-react';
import { deviceCommands, useDeviceActions } from '../fleet/use-device-actions.ts';
import { Button } from '../ui/button.tsx';
import { deviceActions } from './fault-view.ts';

/** All active faults, each with an undo button. */
export function ActiveFaults({ devices }: { devices: readonly DeviceView[] }) {
  const { pending } = useDeviceActions(devices);
  const active = devices.flatMap((device) => {
    const can = deviceActions(device);
    const faults = can.heal ? device.faults.map(faultWords) : [];
    const stopped = device.state === 'dead' || device.state === 'paused';
    if (!stopped && faults.length === 0) return [];
    const words = stopped ? [device.state === 'dead' ? 'dead' : 'paused', ...faults] : faults;
    return [
      { device, words, undo: stopped ? (can.revive ? deviceCommands.revive : null) : deviceCommands.heal },
    ];
  });
  if (active.length === 0) return <p className="text-xs text-ink-faint">No active faults</p>;
  return (
    <ul aria-label="Active faults" className="flex flex-col gap-1.5">
      {active.map(({ device, words, undo }) => (
        <li key={device.id} className="flex items-center justify-between gap-3 text-[0.8125rem]">
          <span className="min-w-0">
            <span className="font-medium">{device.name}</span>{' '}
            <span className="text-warning-ink">{words.join(', ')}</span>
          </span>
          {undo !== null && (
            <Button
              size="small"
              disabled={pending.has(device.id)}
              aria-label={`Undo the faults of ${device.name}`}
              onClick={() => undo(device)}
            >
              <Undo2 />
              Undo
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}
