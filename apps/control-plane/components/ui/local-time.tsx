'use client';
import { useFirstPaint } from './use-first-paint.ts';

/** A date and time in the browser's time zone. The first paint shows UTC: the server does not know the time zone. */
export function LocalTime({ at }: { at: string }) {
  const text = useFirstPaint()
    ? `${at.slice(0, 19).replace('T', ' ')} UTC`
    : new Date(at).toLocaleString('en-GB');
  return <time dateTime={at}>{text}</time>;
}
