'use client';
import { QrCode as QrIcon } from 'lucide-react';
import Link from 'next/link';
import { CopyButton } from '../shell/copy-button.tsx';
import { Button } from '../ui/button.tsx';
import { Notice } from '../ui/notice.tsx';
import { joinPageAddress, onlyThisMachine } from './join-command-view.ts';
import { QrCode } from './qr-code.tsx';
import type { JoinToken } from './use-join-token.ts';

/** A phone becomes a device by pointing its camera here: the address of the join page, with the token in it. */
export function JoinInBrowser({ join }: { join: JoinToken }) {
  const address = join.token === null ? null : joinPageAddress(window.location.origin, join.token);
  return (
    <div className="flex flex-col gap-3">
      <p className="text-[0.8125rem] text-ink-soft">
        A tab computes as well, on a phone too, for as long as it is open.{' '}
        <Link href="/join" className="font-medium text-ink underline underline-offset-4">
          Use this browser as a device
        </Link>
      </p>
      {address === null ? (
        <Button size="small" className="w-fit" disabled={join.busy} onClick={join.show}>
          <QrIcon />
          Show the QR code and the join token
        </Button>
      ) : (
        <>
          {onlyThisMachine(address) && <NotForPhones />}
          <QrCode
            text={address}
            label="QR code of the address at which a phone joins; it stands below as text"
          />
          <div className="flex items-start gap-2 rounded-lg bg-raised px-3 py-2">
            <code
              data-testid="join-address"
              className="min-w-0 flex-1 font-mono text-[0.8125rem] [overflow-wrap:anywhere]"
            >
              {address}
            </code>
            <CopyButton text={address} what="the address" />
          </div>
          <p className="text-xs text-ink-soft">
            Whoever has this address can join a device, and nothing else.{' '}
            <button
              type="button"
              className="font-medium text-ink underline underline-offset-4"
              onClick={join.hide}
            >
              Hide it
            </button>
          </p>
        </>
      )}
      {join.problem && <Notice tone="danger">{join.problem}</Notice>}
    </div>
  );
}

function NotForPhones() {
  return (
    <Notice title="A phone cannot reach this address: it means “this machine” on every machine.">
      Start Sparewheel with <code className="font-mono">HOST=0.0.0.0 npm start</code>, open the dashboard by
      this machine’s address in the network (<code className="font-mono">http://192.168.…:3000</code>, say),
      and show the code there.
    </Notice>
  );
}
