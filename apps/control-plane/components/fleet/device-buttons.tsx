'use client';
import { RotateCcw, ShieldCheck, Skull, Trash2 } from 'lucide-react';
import { useEffect, useState } from 'react';
import { deviceActions, forgetTitle, killTitle, releaseTitle, reviveTitle } from '../faults/fault-view.ts';
import { Button } from '../ui/button.tsx';
import { FaultMenu } from './fault-menu.tsx';
import type { FleetRow } from './fleet-view.ts';
import { ForgetDialog } from './forget-dialog.tsx';
import { deviceCommands } from './use-device-actions.ts';

/**
 * How long a button that has just replaced another one stays disabled. Protects an operator who presses Kill while
 * another operator's kill arrives: the press must not become a Revive.
 */
const GUARD_MS = 500;
/** The same after a revive: a second press of Revive must not kill the device. */
const REVIVED_GUARD_MS = 3_000;

/** One main action, and the menu of the others. All main actions have the same place and size. */
export function DeviceButtons({ row }: { row: FleetRow }) {
  const { device, pending } = row;
  const [forgetting, setForgetting] = useState(false);
  const choice = mainAction(row, () => setForgetting(true));
  const kills = choice.kind === 'kill';
  const blocked = useJustChanged(choice.kind, kills ? REVIVED_GUARD_MS : GUARD_MS) || pending !== null;
  return (
    <div className="flex items-center gap-1">
      <Button
        variant={choice.variant}
        size="small"
        className="w-22"
        disabled={blocked || choice.run === null}
        title={choice.title}
        aria-label={choice.title}
        onClick={choice.run ?? undefined}
      >
        <choice.Icon />
        {pending === choice.kind ? choice.pendingLabel : choice.label}
      </Button>
      <FaultMenu device={device} onForget={() => setForgetting(true)} />
      <ForgetDialog device={device} open={forgetting} onOpenChange={setForgetting} />
    </div>
  );
}

/** Returns the action that is most useful in the device's state. */
function mainAction({ device, unusedBy }: FleetRow, forget: () => void) {
  const can = deviceActions(device);
  if (can.release) {
    return {
      kind: 'release',
      label: 'Release',
      pendingLabel: 'Releasing',
      variant: 'ok',
      Icon: ShieldCheck,
      title: releaseTitle(device),
      run: () => deviceCommands.release(device),
    } as const;
  }
  if (can.kill && !can.revive) {
    return {
      kind: 'kill',
      label: 'Kill',
      pendingLabel: 'Killing',
      // A device that the deployment does not use gets no red button: its end changes nothing here.
      variant: unusedBy === null ? 'danger' : 'quiet',
      Icon: Skull,
      title: killTitle(device, unusedBy),
      run: () => deviceCommands.kill(device),
    } as const;
  }
  if (can.forget && !can.revive) {
    return {
      kind: 'forget',
      label: 'Forget',
      pendingLabel: 'Forgetting',
      variant: 'outline',
      Icon: Trash2,
      title: forgetTitle(device),
      run: forget,
    } as const;
  }
  return {
    kind: 'revive',
    label: 'Revive',
    pendingLabel: 'Reviving',
    variant: 'ok',
    Icon: RotateCcw,
    title: reviveTitle(device),
    run: can.revive ? () => deviceCommands.revive(device) : null,
  } as const;
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
