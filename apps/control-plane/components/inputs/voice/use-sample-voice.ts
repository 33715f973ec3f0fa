'use client';
import { syntheticVowels, VOICE_SAMPLE_RATE } from '@sparewheel/zoo/voice';
import { useEffect, useRef } from 'react';

/** Vowels for 2 s, then silence for 2 s, again and again. */
const VOICE_SECONDS = 2;
const BLOCK_MS = 64;
const BLOCK_SAMPLES = (VOICE_SAMPLE_RATE * BLOCK_MS) / 1000;

/** Delivers a synthetic voice in real time, without sound from the speaker. @param on  whether it speaks */
export function useSampleVoice(on: boolean, onSamples: (samples: Float32Array) => void): void {
  const latest = useRef(onSamples);
  latest.current = onSamples;
  useEffect(() => {
    if (!on) return;
    const loop = new Float32Array(2 * VOICE_SECONDS * VOICE_SAMPLE_RATE);
    loop.set(syntheticVowels(VOICE_SECONDS));
    let at = 0;
    const timer = setInterval(() => {
      latest.current(loop.slice(at, at + BLOCK_SAMPLES));
      at = (at + BLOCK_SAMPLES) % loop.length;
    }, BLOCK_MS);
    return () => clearInterval(timer);
  }, [on]);
}
