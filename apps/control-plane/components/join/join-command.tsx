'use client';
import { useState } from 'react';
import { cn } from '../ui/class-names.ts';
import { Field, Input, Select } from '../ui/field.tsx';
import { Notice } from '../ui/notice.tsx';
import { useFirstPaint } from '../ui/use-first-paint.ts';
import { CopyableCommand } from './copyable-command.tsx';
import { type AddressChoice, installCommand, joinCommand } from './join-command-view.ts';
import { type JoinAddress, useJoinAddress } from './use-join-address.ts';

/** The command that makes a machine a device, with a choice of its address, and where to find its token. */
export function JoinCommand({ className }: { className?: string }) {
  const address = useJoinAddress();
  return (
    <div className={cn('flex min-w-0 flex-col gap-3', className)}>
      <AddressField address={address} />
      <CommandFor address={address.chosen} />
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

/** The command that installs the agent, and the one for a clone of the repository. */
export function CommandFor({ address, token = null }: { address: AddressChoice; token?: string | null }) {
  const [name, setName] = useState('');
  const [typed, setCount] = useState(1);
  const firstPaint = useFirstPaint();
  const choice = { name, count: Number.isInteger(typed) ? typed : 1 };
  // The server does not know the address that the browser uses.
  const dashboard = address.dashboard ?? (firstPaint ? '' : window.location.origin);
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <CopyableCommand text={installCommand(dashboard, choice, token)} testId="install-command" scannable />
      <p className="max-w-prose text-xs text-ink-soft">
        For a Raspberry Pi or another Linux machine: it installs the agent as a service. With{' '}
        <code className="font-mono text-ink">sudo sh</code> the service has a user of its own. A second run
        updates it. To remove it, put <code className="font-mono text-ink">--uninstall</code> in place of the
        token.
      </p>
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
              value={Number.isNaN(typed) ? '' : typed}
              onChange={(event) => setCount(event.target.valueAsNumber)}
            />
          )}
        </Field>
      </div>
      <p className="text-xs text-ink-soft">In a clone of the repository:</p>
      <CopyableCommand text={joinCommand(address.dataPlane, choice, token)} testId="join-command" />
      {token === null && (
        <p className="max-w-prose text-xs text-ink-soft">
          Replace <code className="font-mono text-ink">JOIN_TOKEN</code> with the join token. It was printed
          at the first start and is in <code className="font-mono text-ink">tokens.json</code> in Sparewheel’s
          home directory, unless{' '}
          <code className="font-mono [overflow-wrap:anywhere] text-ink">SPAREWHEEL_JOIN_TOKEN</code> sets it.
        </p>
      )}
    </div>
  );
}
