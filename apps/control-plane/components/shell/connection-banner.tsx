'use client';
import { CloudOff } from 'lucide-react';
import { useConnection, useSilentSince } from '../live-connection/live-connection.ts';
import { useLoaded } from '../live-connection/live-queries.ts';
import { useNow } from '../use-now.ts';
import { SignInForm } from './sign-in-form.tsx';

/** Says that the page shows old data. It disappears when the connection is back. Typed input is kept. */
export function ConnectionBanner() {
  const connection = useConnection();
  const loaded = useLoaded();
  if (connection === 'live' || connection === 'connecting' || !loaded) return null;

  return (
    <div role="alert" className="border-b border-danger/40 bg-danger-wash text-danger-ink">
      <div className="mx-auto flex max-w-[150rem] flex-wrap items-center gap-x-3 gap-y-2 px-4 py-2 text-[0.8125rem] sm:px-6">
        <CloudOff aria-hidden className="size-4 shrink-0" />
        {connection === 'signed-out' ? (
          <>
            <p className="min-w-0 flex-1">
              Your session has ended. Sign in again with the operator token. Your input is kept.
            </p>
            <SignInForm compact />
          </>
        ) : connection === 'silent' ? (
          <p className="min-w-0 flex-1">
            The control plane has sent nothing for <Silence /> s. This page shows the last known state.
          </p>
        ) : (
          <p className="min-w-0 flex-1">
            The connection to the control plane is lost. This page shows the last known state and reconnects
            by itself.
          </p>
        )}
      </div>
    </div>
  );
}

/** The seconds since the last message. */
function Silence() {
  const now = useNow();
  const since = useSilentSince();
  return since === null ? 0 : Math.max(0, Math.floor((now - since) / 1_000));
}
