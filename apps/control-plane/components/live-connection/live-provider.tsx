'use client';
import type { UiSnapshot } from '@sparewheel/protocol';
import { useRouter } from 'next/navigation';
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from 'react';
import type { LiveState } from './live-state.ts';
import { LiveStore } from './live-store.ts';

export const LiveStoreContext = createContext<LiveStore | null>(null);

/**
 * Provides one live connection for all pages of the dashboard. Without a session it leads to the sign-in page.
 * @param first  the state for the first paint; null shows a loading page until the connection delivers the state
 */
export function LiveProvider({ first, children }: { first: UiSnapshot | null; children: ReactNode }) {
  const [store] = useState(() => new LiveStore(first));
  const router = useRouter();

  useEffect(() => {
    const disconnect = store.connect();
    // Who never saw the page signs in first; who is in the middle of something is asked in place.
    const leave = store.subscribe(() => {
      const { connection, loaded } = store.getState();
      if (connection === 'signed-out' && !loaded) router.replace('/sign-in');
    });
    return () => {
      leave();
      disconnect();
    };
  }, [store, router]);

  return <LiveStoreContext value={store}>{children}</LiveStoreContext>;
}

export function useLiveStore(): LiveStore {
  const store = useContext(LiveStoreContext);
  if (store === null) throw new Error('useLive belongs inside <LiveProvider>, in the dashboard layout');
  return store;
}

/** A part of the live state; draws again only when that part changed. `select` returns a part, never a new object. */
export function useLive<Part>(select: (state: LiveState) => Part): Part {
  const store = useLiveStore();
  return useSyncExternalStore(
    store.subscribe,
    () => select(store.getState()),
    // The server and the hydration draw the same state, although the connection may already have a newer one.
    () => select(store.first),
  );
}
