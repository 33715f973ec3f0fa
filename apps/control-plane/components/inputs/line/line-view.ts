export const SAMPLE_LINE = 'One spare for 4 wheels';
/** A longer line is squeezed too much to be read. */
export const MOST_CHARACTERS = 48;

/** How the text that was read compares with the text that was typed. */
export type Comparison = 'same' | 'spaces' | 'different' | 'unknown';

/**
 * Compares what was read with what was typed. Spaces at the ends do not count, because paper has none. Wide and
 * narrow forms of a character are equal, because the model knows both. [Unicode NFKC]
 * @param typed  null for a picture, whose text is unknown
 */
export function compareTexts(typed: string | null, read: string): Comparison {
  if (typed === null || typed.trim() === '') return 'unknown';
  const [expected, actual] = [typed, read].map((text) => text.normalize('NFKC').trim().replace(/\s+/g, ' '));
  if (expected === actual) return 'same';
  return expected?.replaceAll(' ', '') === actual?.replaceAll(' ', '') ? 'spaces' : 'different';
}
