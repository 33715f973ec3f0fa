import samples from '../../samples/digits.json' with { type: 'json' };
import { DIGIT_SIZE } from './digit-input.ts';

export interface SampleDigit {
  readonly label: number;
  /** [28, 28], one byte per pixel, 0 = paper. Divided by 255, it is the network's input. */
  readonly pixels: Uint8Array;
}

/** Returns 40 digits in four handwritings, drawn by tools/training/scripts/draw-sample-digits.ts. */
export function sampleDigits(): SampleDigit[] {
  const size = DIGIT_SIZE * DIGIT_SIZE;
  const bytes = Uint8Array.from(atob(samples.pixels), (character) => character.charCodeAt(0));
  return Array.from(samples.labels, (label, index) => ({
    label: Number(label),
    pixels: bytes.slice(index * size, (index + 1) * size),
  }));
}
