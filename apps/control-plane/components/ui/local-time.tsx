'use client';
import { useSyncExternalStore } from 'react';

const never = () => () => {};

/** A date and time in the browser's time zone. The first paint shows UTC: the server does not know the time zone. */
export function LocalTime({ at }: { at: string }) {
  const text = useSyncExternalStore(
    never,
    () => new Date(at).toLocaleString('en-GB'),
    () => `${at.slice(0, 19).replace('T', ' ')} UTC`,
  );
  return <time dateTime={at}>{text}</time>;
}
