'use client';
import { useContext, useSyncExternalStore } from 'react';
import { FirstState } from './live-connection/live-queries.ts';

const TICK_MS = 1_000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) {
    timer = setInterval(tick, TICK_MS);
    tick();
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(timer);
  };
}

/** Returns the time, updated every second. The first paint uses the server's time, so that the browser renders the same. */
export function useNow(): number {
  const first = useContext(FirstState);
  return useSyncExternalStore(
    subscribe,
    () => now,
    () => Date.parse(first.at),
  );
}
