'use client';
import type { UiSnapshot } from '@sparewheel/protocol';
import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { type ReactNode, useEffect, useState } from 'react';
import { connect, useConnection } from './live-connection.ts';
import { EMPTY, FirstState, hasSnapshot, useLoaded, writeSnapshot } from './live-queries.ts';

/**
 * Provides one live connection for all pages of the dashboard. A visitor without a session gets the sign-in page.
 * @param first  the state for the first paint; null shows a loading page until the connection delivers the state
 */
export function LiveProvider({ first, children }: { first: UiSnapshot | null; children: ReactNode }) {
  const client = useQueryClient();
  useState(() => {
    if (first !== null && !hasSnapshot(client)) writeSnapshot(client, first);
  });
  useEffect(() => connect(client), [client]);
  return (
    <FirstState value={first ?? EMPTY}>
      <Visitor />
      {children}
    </FirstState>
  );
}

/** Sends a visitor without a session to the sign-in page. An open page keeps its input and asks in its banner. */
function Visitor() {
  const router = useRouter();
  const loaded = useLoaded();
  const unknown = useConnection() === 'signed-out' && !loaded;
  useEffect(() => {
    if (unknown) router.replace('/sign-in');
  }, [unknown, router]);
  return null;
}
