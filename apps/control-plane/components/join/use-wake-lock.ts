'use client';
import { useEffect, useState } from 'react';

/**
 * Keeps the screen on while `active`: a sleeping phone stops answering.
 * @returns whether the browser keeps it on; browsers do so only for visible pages over https or from localhost
 */
export function useWakeLock(active: boolean): boolean {
  const [held, setHeld] = useState(false);

  useEffect(() => {
    if (!active || navigator.wakeLock === undefined) return;
    let lock: WakeLockSentinel | null = null;
    let ended = false;
    async function ask() {
      if (document.visibilityState !== 'visible') return;
      try {
        const sentinel = await navigator.wakeLock.request('screen');
        if (ended) return void sentinel.release();
        lock = sentinel;
        setHeld(true);
        sentinel.addEventListener('release', () => setHeld(false));
      } catch {
        // For example with a low battery. The page then says that the screen may turn off.
      }
    }
    void ask();
    document.addEventListener('visibilitychange', ask);
    return () => {
      ended = true;
      document.removeEventListener('visibilitychange', ask);
      void lock?.release();
    };
  }, [active]);

  return held;
}
