'use client';
import { type ReactNode, useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { Logo } from '../shell/logo.tsx';
import { ThemeSwitch } from '../shell/theme-switch.tsx';
import { Button } from '../ui/button.tsx';
import { Notice } from '../ui/notice.tsx';
import { DevicePanel } from './device-panel.tsx';
import type { JoinAction } from './join-page-view.ts';
import { JoinSession, type JoinState } from './join-session.ts';
import { TokenForm } from './token-form.tsx';

const NOTHING_YET: JoinState = { step: 'asking', problem: null };

/** Turns this tab into a device of the fleet. */
export function JoinPage() {
  const [session, setSession] = useState<JoinSession | null>(null);

  useEffect(() => {
    const begun = new JoinSession();
    setSession(begun);
    return begun.begin();
  }, []);

  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-md flex-col px-4 py-5 sm:py-10">
      <header className="flex items-center gap-2.5">
        <Logo className="size-7" />
        <span className="font-semibold tracking-[-0.015em]">Sparewheel</span>
        <span className="ml-auto">
          <ThemeSwitch />
        </span>
      </header>
      {session === null ? <Step state={NOTHING_YET} session={null} /> : <Session session={session} />}
    </main>
  );
}

function Session({ session }: { session: JoinSession }) {
  return <Step state={useStore(session.store)} session={session} />;
}

function Step({ state, session }: { state: JoinState; session: JoinSession | null }) {
  switch (state.step) {
    case 'asking':
      return (
        <Text title="Joining the fleet">
          {state.problem === null ? (
            <p className="mt-2 text-ink-soft">Asking the control plane for the address of the data plane…</p>
          ) : (
            <Notice tone="danger" className="mt-4">
              {state.problem}
            </Notice>
          )}
        </Text>
      );
    case 'token':
      return (
        <Text title="Join as a device">
          <p className="mt-2 text-ink-soft">
            This tab will compute a part of the fleet’s neural networks. Scan the QR code again, or enter the
            join token. The operator finds it on the dashboard under “Add a device”.
          </p>
          <TokenForm problem={state.problem} onToken={(token) => session?.useToken(token)} />
        </Text>
      );
    case 'unsupported':
      return (
        <Text title="This browser cannot be a device">
          <Notice tone="danger" className="mt-4">
            {state.problem}
          </Notice>
        </Text>
      );
    case 'left':
      return (
        <Text title="This tab has left the fleet">
          <p className="mt-2 mb-5 text-ink-soft">
            {state.holds
              ? 'Its shards stay in this browser. It serves at once when it joins again.'
              : 'Its shards are deleted from this browser.'}
          </p>
          <Button variant="primary" size="large" onClick={() => session?.joinAgain()}>
            Join again
          </Button>
        </Text>
      );
    case 'device':
      return (
        <Text title={state.device.settings.name}>
          <p className="mt-1 text-ink-soft">
            This tab is a device of the fleet at {new URL(state.device.settings.url).host}.
          </p>
          <DevicePanel
            device={state.device}
            token={state.device.settings.token}
            onAction={(action) => session && act(session, state.device, action)}
            onLeave={() => session?.leave()}
          />
        </Text>
      );
  }
}

function act(session: JoinSession, device: JoinDevice, action: JoinAction): void {
  if (action === 'revive') device.revive();
  else if (action === 'heal') void device.setFault({ kind: 'heal' });
  else if (action === 'new-identity') session.joinAsNew();
  else session.askForToken(null);
}

type JoinDevice = Extract<JoinState, { step: 'device' }>['device'];

function Text({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div>
      <h1 className="mt-6 text-xl font-semibold tracking-[-0.02em] break-words">{title}</h1>
      {children}
    </div>
  );
}
