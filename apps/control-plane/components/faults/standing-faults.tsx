'use client';
import type { DeviceView } from '@sparewheel/protocol';
import { Undo2 } from 'lucide-react';
import type { DeviceActions } from '../fleet/use-device-actions.ts';
import { Button } from '../ui/button.tsx';
import { deviceActions } from './fault-view.ts';

/** Every fault that stands, each with what undoes it. */
export function StandingFaults({
  devices,
  actions,
}: {
  devices: readonly DeviceView[];
  actions: DeviceActions;
}) {
  const standing = devices.flatMap((device) => {
    const can = deviceActions(device);
    const faults = [...(can.heal ? device.faults : [])];
    const stopped = device.state === 'dead' || device.state === 'paused';
    if (!stopped && faults.length === 0) return [];
    const words = stopped ? [device.state === 'dead' ? 'dead' : 'paused', ...faults] : faults;
    return [{ device, words, undo: stopped ? (can.revive ? actions.revive : null) : actions.heal }];
  });
  if (standing.length === 0) return <p className="text-xs text-ink-faint">No fault stands.</p>;
  return (
    <ul aria-label="Standing faults" className="flex flex-col gap-1.5">
      {standing.map(({ device, words, undo }) => (
        <li key={device.id} className="flex items-center justify-between gap-3 text-[0.8125rem]">
          <span className="min-w-0">
            <span className="font-medium">{device.name}</span>{' '}
            <span className="text-warning-ink">{words.join(', ')}</span>
          </span>
          {undo !== null && (
            <Button
              size="small"
              disabled={actions.pending.has(device.id)}
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
