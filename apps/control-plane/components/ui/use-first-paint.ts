import { useSyncExternalStore } from 'react';

const never = () => () => {};

/**
 * Returns true on the server, and in the browser while it hydrates the page. Both must render the same, so what only
 * the browser knows (time zone, theme, address) has to wait.
 */
export function useFirstPaint(): boolean {
  return useSyncExternalStore(
    never,
    () => false,
    () => true,
  );
}
