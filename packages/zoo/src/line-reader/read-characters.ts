/** The text of a line. */
export interface ReadLine {
  readonly text: string;
  /** Mean probability of its characters, 0 to 1; 0 for an empty text. */
  readonly confidence: number;
}

/** The index of the blank, which separates equal characters. */
const BLANK = 0;

/**
 * Reads the most probable text: equal neighbors are one character, and blanks are removed. Spaces at the ends,
 * which the network sees in free paper, are removed, too. [Graves et al. 2006, CTC]
 * @param characters  the most probable index of each step
 * @param confidence  its probability
 * @param alphabet    the character of each index; '' for the blank
 * @throws {RangeError} an index is not in the alphabet, or the lengths differ
 */
export function readCharacters(
  characters: ArrayLike<number | bigint>,
  confidence: ArrayLike<number>,
  alphabet: readonly string[],
): ReadLine {
  if (characters.length !== confidence.length) {
    throw new RangeError(`${characters.length} characters came with ${confidence.length} probabilities`);
  }
  let text = '';
  let sum = 0;
  let kept = 0;
  let previous = BLANK;
  for (let step = 0; step < characters.length; step++) {
    const index = Number(characters[step]);
    const character = alphabet[index];
    if (character === undefined) throw new RangeError(`the alphabet has no character ${index}`);
    if (index !== BLANK && index !== previous) {
      text += character;
      sum += confidence[step] ?? 0;
      kept += 1;
    }
    previous = index;
  }
  return { text: text.trim(), confidence: kept === 0 ? 0 : sum / kept };
}
