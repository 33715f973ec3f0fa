import { VOICE_SAMPLE_RATE } from './voice-frames.ts';

/** The first three formants of the vowels in "father", "see", "bed", "had" and "too", in Hz. [Peterson, Barney 1952] */
const VOWELS = [
  [730, 1090, 2440],
  [270, 2290, 3010],
  [570, 840, 2410],
  [530, 1840, 2480],
  [300, 870, 2240],
] as const;

/** Width of each formant in Hz, and its loudness. */
const FORMANT_WIDTHS = [80, 100, 140] as const;
const FORMANT_GAINS = [1.2, 0.72, 0.36] as const;
const VOWEL_SECONDS = 0.22;
/** The glide to the next vowel starts at this part of a vowel. */
const GLIDE_FROM = 0.6;
const PITCH_HZ = 120;

/**
 * Returns vowels of a synthetic voice at 16 kHz: pulses with a changing pitch through one resonator per formant.
 * The voice activity detector takes it for speech. Replaces a microphone in tests and in the dashboard's sample.
 */
export function syntheticVowels(seconds: number): Float32Array {
  const samples = new Float32Array(Math.round(seconds * VOICE_SAMPLE_RATE));
  const resonators = FORMANT_WIDTHS.map((width) => ({ width, last: 0, beforeLast: 0 }));
  let phase = 0;
  for (let i = 0; i < samples.length; i++) {
    const time = i / VOICE_SAMPLE_RATE;
    phase +=
      (PITCH_HZ + 25 * Math.sin(2 * Math.PI * 0.7 * time) + 10 * Math.sin(5 * time)) / VOICE_SAMPLE_RATE;
    const pulse = phase >= 1 ? 1 : 0;
    phase -= pulse;
    const vowel = Math.floor(time / VOWEL_SECONDS);
    const part = (time % VOWEL_SECONDS) / VOWEL_SECONDS;
    const glide = Math.max(0, part - GLIDE_FROM) / (1 - GLIDE_FROM);
    let sound = 0;
    resonators.forEach((resonator, formant) => {
      const here = VOWELS[vowel % VOWELS.length]![formant]!;
      const next = VOWELS[(vowel + 1) % VOWELS.length]![formant]!;
      const hertz = here + (next - here) * glide;
      const radius = Math.exp((-Math.PI * resonator.width) / VOICE_SAMPLE_RATE);
      const turn = 2 * radius * Math.cos((2 * Math.PI * hertz) / VOICE_SAMPLE_RATE);
      const value = pulse * (1 - radius) + turn * resonator.last - radius * radius * resonator.beforeLast;
      resonator.beforeLast = resonator.last;
      resonator.last = value;
      sound += value * FORMANT_GAINS[formant]!;
    });
    samples[i] = sound * Math.min(1, 6 * Math.min(part, 1 - part));
  }
  return samples;
}
