'use client';
import { useState } from 'react';
import { CopyButton } from '../shell/copy-button.tsx';
import { cn } from '../ui/class-names.ts';
import { Field, Input, Select } from '../ui/field.tsx';
import { Notice } from '../ui/notice.tsx';
import { joinCommand } from './join-command-view.ts';
import { type JoinAddress, useJoinAddress } from './use-join-address.ts';

/** The command that makes a machine a device, with a choice of its address, and where to find its token. */
export function JoinCommand({ className }: { className?: string }) {
  const address = useJoinAddress();
  return (
    <div className={cn('flex min-w-0 flex-col gap-3', className)}>
      <AddressField address={address} />
      <CommandFor url={address.chosen.dataPlane} />
    </div>
  );
}

/** Chooses one of the machine's addresses, or says why there is only one. */
export function AddressField({ address: { choices, chosen, choose, problem } }: { address: JoinAddress }) {
  return (
    <>
      {choices.length > 1 && (
        <Field label="Address of this machine" className="max-w-md">
          {(ids) => (
            <Select {...ids} value={chosen.dataPlane} onChange={(event) => choose(event.target.value)}>
              {choices.map(({ label, dataPlane }) => (
                <option key={dataPlane} value={dataPlane}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
      {problem !== null && <Notice title="Only this machine can join.">{problem}</Notice>}
    </>
  );
}

export function CommandFor({ url, token = null }: { url: string; token?: string | null }) {
  const [name, setName] = useState('');
  const [count, setCount] = useState(1);
  const command = joinCommand(url, { name, count: Number.isInteger(count) ? count : 1 }, token);
  return (
    <div className="flex min-w-0 flex-col gap-3">
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
        <Field label="Device name">
          {(ids) => (
            <Input
              {...ids}
              placeholder="name of the machine"
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field label="Number of devices">
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
        Run it in a clone of the Sparewheel repository. The machine needs only Node.js.
        {token === null && (
          <>
            {' '}
            Replace <code className="font-mono text-ink">JOIN_TOKEN</code> with the join token. It was printed
            at the first start and is in <code className="font-mono text-ink">tokens.json</code> in
            Sparewheel’s home directory, unless{' '}
            <code className="font-mono [overflow-wrap:anywhere] text-ink">SPAREWHEEL_JOIN_TOKEN</code> sets
            it.
          </>
        )}
      </p>
    </div>
  );
}
