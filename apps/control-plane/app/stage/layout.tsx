import type { ReactNode } from 'react';
import { LiveProvider } from '../../components/live-connection/live-provider.tsx';
import { ConnectionBanner } from '../../components/shell/connection-banner.tsx';
import { firstState } from '../(dashboard)/first-state.ts';

/** The stage has no header: the screen belongs to the duel. */
export default async function StageLayout({ children }: { children: ReactNode }) {
  return (
    <LiveProvider first={await firstState()}>
      {/* The stage shrinks under the banner, so that its buttons stay on the screen. */}
      <div className="flex min-h-dvh flex-col md:h-dvh">
        <ConnectionBanner />
        <main className="flex min-h-0 flex-1 flex-col">{children}</main>
      </div>
    </LiveProvider>
  );
}
