/** Probabilities that the chart shows: 8 s. */
export const SHOWN_FRAMES = 250;
/** From this probability on, a frame counts as speech. [silero-vad, threshold] */
export const SPEECH_FROM = 0.5;
/** Frames that may wait for an answer: 0.5 s. Older ones are skipped, so that the result does not lag behind. */
export const MOST_WAITING = 16;

/** A probability; null for a frame without an answer. */
export type FrameResult = number | null;

/** Appends a probability, and keeps the newest ones. */
export function appendProbability(
  known: readonly FrameResult[],
  probability: number,
): readonly FrameResult[] {
  return [...known, probability].slice(-SHOWN_FRAMES);
}

/** Appends frames without an answer, and keeps the newest ones. */
export function appendGap(known: readonly FrameResult[], frames: number): readonly FrameResult[] {
  return [...known, ...Array.from({ length: frames }, () => null)].slice(-SHOWN_FRAMES);
}

/** Returns an SVG path in a box of 250 × 100: newest at the right, 1 at the top, and a gap where answers are missing. */
export function linePath(probabilities: readonly FrameResult[]): string {
  const from = SHOWN_FRAMES - probabilities.length;
  let path = '';
  let drawing = false;
  for (const [index, value] of probabilities.entries()) {
    if (value !== null) path += `${drawing ? 'L' : 'M'}${from + index},${((1 - value) * 100).toFixed(1)}`;
    drawing = value !== null;
  }
  return path;
}
