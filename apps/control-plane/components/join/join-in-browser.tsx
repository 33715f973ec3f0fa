'use client';
import { QrCode as QrIcon } from 'lucide-react';
import Link from 'next/link';
import { CopyButton } from '../shell/copy-button.tsx';
import { ErrorNotice } from '../shell/errors.tsx';
import { Button } from '../ui/button.tsx';
import { type AddressChoice, joinPageAddress } from './join-command-view.ts';
import { QrCode } from './qr-code.tsx';

/** The address of the join page as a QR code for a phone. The address contains the join token. */
export function JoinInBrowser({
  address,
  token,
  loading,
  error,
  onShow,
  onHide,
}: {
  address: AddressChoice;
  /** null until the operator asks for it. */
  token: string | null;
  loading: boolean;
  error: Error | null;
  onShow: () => void;
  onHide: () => void;
}) {
  return (
    <div className="flex flex-col gap-3">
      <p className="text-[0.8125rem] text-ink-soft">
        An open browser tab can be a device, also on a phone.{' '}
        <Link href="/join" className="font-medium text-ink underline underline-offset-4">
          Use this browser as a device
        </Link>
      </p>
      {token === null ? (
        <Button size="small" className="w-fit" disabled={loading} onClick={onShow}>
          <QrIcon />
          Show the QR code and the join token
        </Button>
      ) : (
        <Address
          address={joinPageAddress(address.dashboard ?? window.location.origin, token)}
          onlyThisMachine={address.onlyThisMachine}
          onHide={onHide}
        />
      )}
      <ErrorNotice error={error} />
    </div>
  );
}

function Address({
  address,
  onlyThisMachine,
  onHide,
}: {
  address: string;
  onlyThisMachine: boolean;
  onHide: () => void;
}) {
  return (
    <>
      {onlyThisMachine && (
        <p className="text-xs text-danger-ink">A phone cannot reach this address: it is this machine only.</p>
      )}
      <QrCode text={address} label="QR code of the join address, which is also shown as text below" />
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
        Anyone with this address can add devices, but can do nothing else.{' '}
        <button type="button" className="font-medium text-ink underline underline-offset-4" onClick={onHide}>
          Hide it
        </button>
      </p>
    </>
  );
}
