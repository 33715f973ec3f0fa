/** Probabilities that the chart shows: 8 s. */
export const SHOWN_FRAMES = 250;
/** From this probability on, a frame counts as speech. [silero-vad, threshold] */
export const SPEECH_FROM = 0.5;
/** Frames that may wait for an answer: 0.5 s. Older ones are skipped, so that the result does not lag behind. */
export const MOST_WAITING = 16;

/** Appends a probability, and keeps the newest ones. */
export function appendProbability(known: readonly number[], probability: number): readonly number[] {
  return [...known, probability].slice(-SHOWN_FRAMES);
}

/** Returns the points of an SVG polyline in a box of 250 × 100: newest at the right, 1 at the top. */
export function linePoints(probabilities: readonly number[]): string {
  const from = SHOWN_FRAMES - probabilities.length;
  return probabilities.map((value, index) => `${from + index},${((1 - value) * 100).toFixed(1)}`).join(' ');
}
