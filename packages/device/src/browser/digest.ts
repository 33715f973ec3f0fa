import type { Digest } from '../shelf-shard-store.ts';
import { sha256 } from './sha256.ts';

/** The browser's own where the page may use it, else ours. */
export function availableDigest(subtle: SubtleCrypto | null = globalThis.crypto?.subtle ?? null): Digest {
  if (subtle === null) return async (data) => sha256(data);
  return async (data) => {
    const digest = new Uint8Array(await subtle.digest('SHA-256', data));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  };
}
