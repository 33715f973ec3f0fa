'use client';
import { CloudOff } from 'lucide-react';
import { useLive } from '../live-connection/live-provider.tsx';
import { SignInForm } from './sign-in-form.tsx';

/** Says that what is shown is old. It goes by itself when the connection is back; nothing that was typed is lost. */
export function ConnectionBanner() {
  const connection = useLive((state) => state.connection);
  const loaded = useLive((state) => state.loaded);
  if (connection === 'live' || connection === 'connecting' || !loaded) return null;

  return (
    <div role="alert" className="border-b border-danger/40 bg-danger-wash text-danger-ink">
      <div className="mx-auto flex max-w-[150rem] flex-wrap items-center gap-x-3 gap-y-2 px-4 py-2 text-[0.8125rem] sm:px-6">
        <CloudOff aria-hidden className="size-4 shrink-0" />
        {connection === 'signed-out' ? (
          <>
            <p className="min-w-0 flex-1">
              Your session has ended. Sign in again with the operator token; what you typed stays.
            </p>
            <SignInForm compact />
          </>
        ) : (
          <p className="min-w-0 flex-1">
            The connection to the control plane is lost. What you see is its last word; this page reconnects
            by itself.
          </p>
        )}
      </div>
    </div>
  );
}
