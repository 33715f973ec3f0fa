/** How the text that was read compares with the text that was typed. */
export type Comparison = 'same' | 'different' | 'unknown';

/**
 * Compares what was read with what was typed. Spaces at the ends do not count, because paper has none.
 * @param typed  null for a picture, whose text is unknown
 */
export function compareTexts(typed: string | null, read: string): Comparison {
  if (typed === null || typed.trim() === '') return 'unknown';
  return typed.trim().replace(/\s+/g, ' ') === read ? 'same' : 'different';
}
