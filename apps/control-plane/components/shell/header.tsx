'use client';
import Link from 'next/link';
import type { Tone } from '../fleet/fleet-view.ts';
import { type Connection, useConnection } from '../live-connection/live-connection.ts';
import { useLive } from '../live-connection/live-queries.ts';
import { StatusDot } from '../ui/status-dot.tsx';
import { CopyButton } from './copy-button.tsx';
import { Logo } from './logo.tsx';
import { Navigation } from './navigation.tsx';
import { ThemeSwitch } from './theme-switch.tsx';

const CONNECTIONS: Record<Connection, { label: string; tone: Tone }> = {
  connecting: { label: 'Connecting', tone: 'muted' },
  live: { label: 'Live', tone: 'ok' },
  silent: { label: 'No updates', tone: 'danger' },
  lost: { label: 'Reconnecting', tone: 'danger' },
  'signed-out': { label: 'Signed out', tone: 'danger' },
};

export function Header() {
  const connection = CONNECTIONS[useConnection()];
  const inferenceUrl = useLive('inferenceUrl');

  return (
    <header className="sticky top-0 z-30 border-b bg-surface">
      <div className="mx-auto flex h-13 max-w-[150rem] items-center gap-3 px-4 sm:px-6">
        <Link href="/" className="flex items-center gap-2 rounded-md font-semibold tracking-[-0.015em]">
          <Logo className="size-6" />
          <span>Sparewheel</span>
        </Link>
        <Navigation className="ml-3 max-md:hidden" />
        <div className="ml-auto flex items-center gap-2 sm:gap-3">
          {inferenceUrl !== '' && (
            <div className="hidden items-center gap-1 text-xs text-ink-faint xl:flex">
              <span>Inference</span>
              <code className="font-mono text-ink-soft">{inferenceUrl}</code>
              <CopyButton text={inferenceUrl} what="the inference address" />
            </div>
          )}
          <div
            role="status"
            data-testid="connection"
            className="flex items-center gap-2 rounded-full border px-2.5 py-0.5 text-xs font-medium text-ink-soft"
          >
            <StatusDot tone={connection.tone} pulse={connection.tone !== 'ok'} />
            {connection.label}
          </div>
          <ThemeSwitch />
        </div>
      </div>
      <Navigation className="border-t px-2 py-1 md:hidden" />
    </header>
  );
}
