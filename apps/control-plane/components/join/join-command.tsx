'use client';
import { useState } from 'react';
import { useLive } from '../live-connection/live-provider.tsx';
import { CopyButton } from '../shell/copy-button.tsx';
import { cn } from '../ui/class-names.ts';
import { Field, Input } from '../ui/field.tsx';
import { Notice } from '../ui/notice.tsx';
import { dataPlaneUrl, joinCommand, onlyThisMachine } from './join-command-view.ts';

/** The command that makes a machine a device, and where to find the token that it needs. */
export function JoinCommand({ token = null, className }: { token?: string | null; className?: string }) {
  const url = dataPlaneUrl(useLive((state) => state.inferenceUrl));
  const [name, setName] = useState('');
  const [count, setCount] = useState(1);
  const command = joinCommand(url, { name, count: Number.isInteger(count) ? count : 1 }, token);
  return (
    <div className={cn('flex min-w-0 flex-col gap-3', className)}>
      <div className="flex items-start gap-2 rounded-lg bg-raised px-3 py-2">
        <code
          data-testid="join-command"
          className="min-w-0 flex-1 font-mono text-[0.8125rem] [overflow-wrap:anywhere]"
        >
          {command}
        </code>
        <CopyButton text={command} what="the command" />
      </div>
      <div className="grid max-w-md grid-cols-[minmax(0,1fr)_9rem] gap-3">
        <Field label="Name of the device">
          {(ids) => (
            <Input
              {...ids}
              placeholder="its machine’s name"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field label="Devices on it">
          {(ids) => (
            <Input
              {...ids}
              type="number"
              min={1}
              max={64}
              value={Number.isNaN(count) ? '' : count}
              onChange={(event) => setCount(event.target.valueAsNumber)}
            />
          )}
        </Field>
      </div>
      <p className="max-w-prose text-xs text-ink-soft">
        Run it in a clone of Sparewheel’s repository; Node is all that the machine needs.
        {token === null && (
          <>
            {' '}
            Put the join token in the place of <code className="font-mono text-ink">JOIN_TOKEN</code>: it was
            printed at the first start and is kept in <code className="font-mono text-ink">tokens.json</code>{' '}
            in Sparewheel’s home; where{' '}
            <code className="font-mono break-all text-ink">SPAREWHEEL_JOIN_TOKEN</code> is set, it is that
            one.
          </>
        )}
      </p>
      {onlyThisMachine(url) && (
        <Notice title="Only this machine reaches this address.">
          For others, start Sparewheel with <code className="font-mono">HOST=0.0.0.0</code> and open the
          dashboard by this machine’s address in the network: the command is made from it.
        </Notice>
      )}
    </div>
  );
}
