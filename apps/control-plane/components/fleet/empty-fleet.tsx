'use client';
import { dataPlaneUrl, joinCommand } from '../../src/view-model/join-command.ts';
import { useLive } from '../live-connection/live-provider.tsx';
import { CopyButton } from '../shell/copy-button.tsx';

/** No device yet: the one command that changes this. */
export function EmptyFleet() {
  const inferenceUrl = useLive((state) => state.inferenceUrl);
  const command = joinCommand(dataPlaneUrl(inferenceUrl));
  return (
    <div className="border-t px-4 py-8">
      <p className="font-medium">No device has joined yet.</p>
      <p className="mt-1 max-w-prose text-ink-soft">
        Run this on each machine that is to help, a Raspberry Pi or this one. The join token was printed at
        the start; where <code className="font-mono text-[0.8125rem]">SPAREWHEEL_JOIN_TOKEN</code> is set, it
        is that one.
      </p>
      <div className="mt-3 flex items-start gap-2 rounded-lg bg-raised px-3 py-2">
        <code className="min-w-0 flex-1 font-mono text-[0.8125rem] break-all">{command}</code>
        <CopyButton text={command} what="the command" />
      </div>
    </div>
  );
}
