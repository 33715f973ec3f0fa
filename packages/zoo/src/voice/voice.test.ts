import { expect, test } from 'vitest';
import { syntheticVowels, VoiceFrames, voiceInput } from './index.ts';

test('collects samples of any count into frames of 512, without a loss', () => {
  const frames = new VoiceFrames();
  const samples = Float32Array.from({ length: 1300 }, (_, index) => index);
  const complete = [100, 411, 1, 700, 88].flatMap((count, call, counts) => {
    const from = counts.slice(0, call).reduce((sum, value) => sum + value, 0);
    return frames.add(samples.subarray(from, from + count));
  });
  expect(complete).toHaveLength(2);
  expect([...complete[0]!, ...complete[1]!]).toEqual([...samples.subarray(0, 1024)]);
});

test('starts each input with the last 64 samples of the previous frame', () => {
  const frame = Float32Array.from({ length: 512 }, (_, index) => index);
  const first = voiceInput(null, frame);
  expect(first).toHaveLength(576);
  expect([...first.subarray(0, 64)]).toEqual(new Array(64).fill(0));
  expect([...first.subarray(64)]).toEqual([...frame]);
  const second = voiceInput(frame, frame);
  expect([second[0], second[63], second[64]]).toEqual([448, 511, 0]);
});

test('the synthetic voice is the same in each call, and stays below full volume', () => {
  const vowels = syntheticVowels(0.5);
  expect(vowels).toHaveLength(8000);
  expect([...vowels]).toEqual([...syntheticVowels(0.5)]);
  const loudest = vowels.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(loudest).toBeGreaterThan(0.05);
  expect(loudest).toBeLessThan(1);
});
