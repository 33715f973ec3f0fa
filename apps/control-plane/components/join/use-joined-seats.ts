'use client';
import type { JoinedSeatView } from '@sparewheel/protocol';
import { useEffect, useState } from 'react';

/** A seat can move without a change of the device, for example to another shard of the same size. */
const EVERY_MS = 5_000;
const NONE: readonly JoinedSeatView[] = [];

/** Returns the seats of this device. Asks again when its number of tasks changes, and from time to time. */
export function useJoinedSeats(device: string, token: string, tasks: number): readonly JoinedSeatView[] {
  const [seats, setSeats] = useState(NONE);

  useEffect(() => {
    if (tasks === 0) return setSeats(NONE);
    const stop = new AbortController();
    async function ask() {
      // Without the control plane, the device may still serve. The last answer stays.
      try {
        const response = await fetch(`/join/shards?device=${encodeURIComponent(device)}`, {
          headers: { authorization: `Bearer ${token}` },
          signal: stop.signal,
        });
        if (response.ok) setSeats(((await response.json()) as { seats: readonly JoinedSeatView[] }).seats);
      } catch {}
    }
    void ask();
    const timer = setInterval(ask, EVERY_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [device, token, tasks]);

  return seats;
}
