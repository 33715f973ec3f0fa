'use client';
import { JoinCommand } from '../join/join-command.tsx';

/** No device yet: the one command that changes this. */
export function EmptyFleet() {
  return (
    <div className="border-t px-4 py-8">
      <p className="font-medium">No device has joined yet.</p>
      <p className="mt-1 max-w-prose text-ink-soft">
        Run this on each machine that is to help, a Raspberry Pi or this one.
      </p>
      <JoinCommand className="mt-3" />
    </div>
  );
}
