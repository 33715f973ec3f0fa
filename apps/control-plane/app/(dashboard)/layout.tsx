import type { ReactNode } from 'react';
import { LiveProvider } from '../../components/live-connection/live-provider.tsx';
import { ConnectionBanner } from '../../components/shell/connection-banner.tsx';
import { Header } from '../../components/shell/header.tsx';
import { firstState } from './first-state.ts';

export default async function DashboardLayout({ children }: { children: ReactNode }) {
  return (
    <LiveProvider first={await firstState()}>
      <a
        href="#main"
        className="sr-only z-50 rounded-md bg-primary px-3 py-1.5 text-primary-ink focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the content
      </a>
      <Header />
      <ConnectionBanner />
      <main id="main" className="mx-auto max-w-[150rem] px-4 py-4 sm:px-6 sm:py-5">
        {children}
      </main>
    </LiveProvider>
  );
}
