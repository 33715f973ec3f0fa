import { expect, test } from 'vitest';
import { letterbox } from './letterbox.ts';

const SQUARE = { width: 128, height: 128 };

test('fits a picture into a frame, centered and whole', () => {
  expect(letterbox({ width: 640, height: 480 }, SQUARE)).toEqual({ x: 0, y: 16, width: 128, height: 96 });
  expect(letterbox({ width: 100, height: 400 }, SQUARE)).toEqual({ x: 48, y: 0, width: 32, height: 128 });
  expect(letterbox({ width: 10, height: 10 }, { width: 40, height: 20 })).toEqual({
    x: 10,
    y: 0,
    width: 20,
    height: 20,
  });
  expect(letterbox({ width: 0, height: 0 }, SQUARE)).toEqual({ x: 64, y: 64, width: 0, height: 0 });
});
