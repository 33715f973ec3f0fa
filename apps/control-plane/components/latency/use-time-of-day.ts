import { useFirstPaint } from '../ui/use-first-paint.ts';

/** Returns a formatter for times of day. The first paint shows UTC: the server does not know the time zone. */
export function useTimeOfDay(): (at: string) => string {
  return useFirstPaint() ? utcTime : localTime;
}

function utcTime(at: string): string {
  return `${at.slice(11, 19)} UTC`;
}

function localTime(at: string): string {
  return new Date(at).toLocaleTimeString('en-GB');
}
