'use client';
import { useRouter } from 'next/navigation';
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from 'react';
import { type LiveState, NOTHING_YET } from './live-state.ts';
import { LiveStore } from './live-store.ts';

export const LiveStoreContext = createContext<LiveStore | null>(null);

/** One connection for all pages of the dashboard. Without a session it leads to the sign-in page. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const [store] = useState(() => new LiveStore());
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
    () => select(NOTHING_YET),
  );
}
