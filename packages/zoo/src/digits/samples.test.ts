import { expect, test } from 'vitest';
import { sampleDigits } from './samples.ts';

test('contains every digit in four handwritings, with empty corners', () => {
  const samples = sampleDigits();
  expect(samples).toHaveLength(40);
  for (let digit = 0; digit < 10; digit++) {
    expect(samples.filter(({ label }) => label === digit)).toHaveLength(4);
  }
  for (const { pixels } of samples) {
    expect(pixels).toHaveLength(784);
    for (const corner of [0, 27, 756, 783]) expect(pixels[corner]).toBe(0);
    expect(Math.max(...pixels)).toBeGreaterThan(200);
  }
});

test('contains no duplicates', () => {
  expect(new Set(sampleDigits().map(({ pixels }) => pixels.join())).size).toBe(40);
});

test('returns a new copy of the pixels in each call', () => {
  sampleDigits()[0]!.pixels.fill(9);
  expect(sampleDigits()[0]!.pixels.every((value) => value === 9)).toBe(false);
});
