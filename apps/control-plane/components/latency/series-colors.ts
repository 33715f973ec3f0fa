import type { SeriesKey } from './share-bins.ts';

/**
 * Before the fault: gray. Since the fault, and coded: the color of parity. Uncoded uses data shards only, so it has
 * their color. Its line is dashed, so that the series differ without colors.
 */
export const SERIES_STYLES: Record<SeriesKey, { color: string; dash?: string }> = {
  before: { color: 'var(--idle)' },
  since: { color: 'var(--parity)' },
  uncoded: { color: 'var(--data)', dash: '5 3' },
  coded: { color: 'var(--parity)' },
};
