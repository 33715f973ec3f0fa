import type { UiSnapshot } from '@sparewheel/protocol';
import { headers } from 'next/headers';

/** The control plane puts its function there when it starts (src/web/first-state.ts). */
const KEY = Symbol.for('sparewheel.first-state');
const shared = globalThis as {
  [KEY]?: (headers: { cookie?: string; host?: string }) => Promise<UiSnapshot | null>;
};

/**
 * Returns the state for the first paint of this request's page. Returns null without a session, or without a control
 * plane in this process (`next build`).
 */
export async function firstState(): Promise<UiSnapshot | null> {
  const request = await headers();
  const cookie = request.get('cookie');
  const host = request.get('host');
  const state = await shared[KEY]?.({
    ...(cookie === null ? {} : { cookie }),
    ...(host === null ? {} : { host }),
  });
  return state ?? null;
}
