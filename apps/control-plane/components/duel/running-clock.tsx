'use client';
import { useEffect, useRef } from 'react';
import { serverNow } from './answer-store.ts';

const TICK_MS = 100;

/** Returns the time since a moment: "0.4 s", "12.3 s". */
function clockText(from: number, now: number): string {
  return `${(Math.max(0, now - from) / 1_000).toFixed(1)} s`;
}

/** The time since a moment of the server, counting up. Screen readers get the state beside it, not every tick. */
export function RunningClock({ from, className }: { from: number; className?: string }) {
  const element = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const show = () => {
      // Written directly: React would compare the whole lane ten times a second.
      if (element.current !== null) element.current.textContent = clockText(from, serverNow());
    };
    show();
    const timer = setInterval(show, TICK_MS);
    return () => clearInterval(timer);
  }, [from]);
  return <span ref={element} aria-hidden data-testid="outage-clock" className={className} />;
}
