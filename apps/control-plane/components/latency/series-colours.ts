/** Before the fault is the past, in grey; since the fault the spare is at work, in its colour. */
export const SERIES_COLOURS = { before: 'var(--spare)', since: 'var(--parity)' } as const;
