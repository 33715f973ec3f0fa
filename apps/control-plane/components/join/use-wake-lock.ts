'use client';
import { useEffect, useState } from 'react';

/**
 * Keeps the screen on while `active`: a phone that sleeps stops answering.
 * @returns whether it is held; browsers give it to visible pages over https and of this machine only
 */
export function useWakeLock(active: boolean): boolean {
  const [held, setHeld] = useState(false);

  useEffect(() => {
    if (!active || navigator.wakeLock === undefined) return;
    let lock: WakeLockSentinel | null = null;
    let over = false;
    async function ask() {
      if (document.visibilityState !== 'visible') return;
      try {
        const sentinel = await navigator.wakeLock.request('screen');
        if (over) return void sentinel.release();
        lock = sentinel;
        setHeld(true);
        sentinel.addEventListener('release', () => setHeld(false));
      } catch {
        // The battery is low, say; the page shows that the screen is not held.
      }
    }
    void ask();
    document.addEventListener('visibilitychange', ask);
    return () => {
      over = true;
      document.removeEventListener('visibilitychange', ask);
      void lock?.release();
    };
  }, [active]);

  return held;
}
