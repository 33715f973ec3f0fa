'use client';
import { RotateCcw, ShieldCheck, Skull } from 'lucide-react';
import { useEffect, useState } from 'react';
import { deviceActions, killTitle, reviveTitle } from '../faults/fault-view.ts';
import { Button } from '../ui/button.tsx';
import { FaultMenu } from './fault-menu.tsx';
import type { FleetRow } from './fleet-view.ts';
import { deviceCommands } from './use-device-actions.ts';

/**
 * How long a button that has just replaced another one stays disabled. Protects an operator who presses Kill while
 * another operator's kill arrives: the press must not become a Revive.
 */
const GUARD_MS = 500;
/** The same after a revive: a second press of Revive must not kill the device. */
const REVIVED_GUARD_MS = 3_000;

/** Kill, revive or release, and the menu of the other faults. */
export function DeviceButtons({ row: { device, pending } }: { row: FleetRow }) {
  const can = deviceActions(device);
  const kills = can.kill && !can.revive;
  const blocked = useJustChanged(kills, kills ? REVIVED_GUARD_MS : GUARD_MS) || pending !== null;
  return (
    <div className="flex items-center gap-1">
      {kills ? (
        <Button
          variant="danger"
          size="small"
          className="w-22"
          disabled={blocked}
          title={killTitle(device)}
          aria-label={killTitle(device)}
          onClick={() => deviceCommands.kill(device)}
        >
          <Skull />
          {pending === 'kill' ? 'Killing' : 'Kill'}
        </Button>
      ) : (
        <Button
          variant="ok"
          size="small"
          className="w-22"
          disabled={blocked || !can.revive}
          title={reviveTitle(device)}
          aria-label={reviveTitle(device)}
          onClick={() => deviceCommands.revive(device)}
        >
          {device.state === 'quarantined' ? <ShieldCheck /> : <RotateCcw />}
          {reviveLabel(device.state === 'quarantined', pending === 'revive')}
        </Button>
      )}
      <FaultMenu device={device} />
    </div>
  );
}

function reviveLabel(quarantined: boolean, pending: boolean): string {
  if (quarantined) return pending ? 'Releasing' : 'Release';
  return pending ? 'Reviving' : 'Revive';
}

/** Returns whether a value changed less than so many milliseconds ago. */
function useJustChanged<T>(value: T, forMs: number): boolean {
  const [settled, settle] = useState(value);
  useEffect(() => {
    if (settled === value) return;
    const timer = setTimeout(() => settle(value), forMs);
    return () => clearTimeout(timer);
  }, [value, settled, forMs]);
  return settled !== value;
}
