import type { RowRange } from '../plan.ts';

/** Divides rows or units into k bands that differ by at most one. */
export function bands(count: number, k: number): RowRange[] {
  return Array.from({ length: k }, (_, index) => ({
    from: Math.floor((index * count) / k),
    to: Math.floor(((index + 1) * count) / k),
  }));
}
