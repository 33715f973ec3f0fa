import { expect, test } from 'vitest';
import { compareTexts } from './line-view.ts';
import { middleStrip } from './paint-line.ts';

test('compares what was read with what was typed', () => {
  expect(compareTexts(' Sparewheel  4+1 ', 'Sparewheel 4+1')).toBe('same');
  expect(compareTexts('Is it? 4+1', 'Is it？ 4＋1')).toBe('same');
  expect(compareTexts('A B C', 'ABC')).toBe('spaces');
  expect(compareTexts('Sparewheel', 'Sparewhee1')).toBe('different');
  expect(compareTexts(null, 'anything')).toBe('unknown');
  expect(compareTexts('  ', '')).toBe('unknown');
});

test('reads a strip in the middle of the camera picture', () => {
  expect(middleStrip({ width: 640, height: 480 })).toEqual({ x: 0, y: 208, width: 640, height: 64 });
  expect(middleStrip({ width: 640, height: 32 })).toEqual({ x: 0, y: 0, width: 640, height: 32 });
});
