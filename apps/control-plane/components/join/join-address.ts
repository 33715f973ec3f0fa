/** What the address of the join page says: behind #, so that no server and no log sees the token. */
export interface JoinAddress {
  readonly token: string;
  readonly name: string | null;
}

const KEPT = 'sparewheel.join';

/** Reads the address, takes the token out of the address bar, and remembers it for a reload of this tab. */
export function readJoinAddress(): JoinAddress | null {
  const fragment = new URLSearchParams(window.location.hash.slice(1));
  const token = fragment.get('token')?.trim();
  if (token) {
    keepJoinAddress({ token, name: fragment.get('name') });
    window.history.replaceState(null, '', window.location.pathname);
  }
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') as JoinAddress | null;
  } catch {
    return null;
  }
}

export function keepJoinAddress(address: JoinAddress): void {
  sessionStorage.setItem(KEPT, JSON.stringify(address));
}

export function forgetJoinAddress(): void {
  sessionStorage.removeItem(KEPT);
}
