import type { ReactNode } from 'react';
import { LiveProvider } from '../../components/live-connection/live-provider.tsx';
import { ConnectionBanner } from '../../components/shell/connection-banner.tsx';
import { firstState } from '../(dashboard)/first-state.ts';

/** The stage has no header: the screen belongs to the duel. */
export default async function StageLayout({ children }: { children: ReactNode }) {
  return (
    <LiveProvider first={await firstState()}>
      <ConnectionBanner />
      <main>{children}</main>
    </LiveProvider>
  );
}
