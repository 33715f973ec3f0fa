'use client';
import { JoinCommand } from '../join/join-command.tsx';

/** The empty fleet: the command that adds a device. */
export function EmptyFleet() {
  return (
    <div className="border-t px-4 py-8">
      <p className="font-medium">No devices yet</p>
      <p className="mt-1 max-w-prose text-ink-soft">
        Run this command on each machine that should become a device, for example a Raspberry Pi or this
        machine.
      </p>
      <JoinCommand className="mt-3" />
    </div>
  );
}
