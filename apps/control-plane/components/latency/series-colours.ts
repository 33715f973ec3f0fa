import type { SeriesKey } from './share-bins.ts';

/**
 * Before the fault is the past, in grey; since the fault the spare is at work, in its colour. Uncoded knows the data
 * shards only, in theirs, and is dashed: who does not tell the colours apart tells the lines apart.
 */
export const SERIES_STYLES: Record<SeriesKey, { colour: string; dash?: string }> = {
  before: { colour: 'var(--idle)' },
  since: { colour: 'var(--parity)' },
  uncoded: { colour: 'var(--data)', dash: '5 3' },
  coded: { colour: 'var(--parity)' },
};
