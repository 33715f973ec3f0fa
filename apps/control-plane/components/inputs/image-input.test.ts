import { describe, expect, it } from 'vitest';
import { base64, imageInput, inputBytes, isInkOnPaper, middleOf } from './image-input.ts';

const spec = (dims: number[], type: 'float32' | 'int64' | 'uint8' = 'float32') => ({ name: 'x', type, dims });
const GREY = { width: 2, height: 1, channels: 1, order: 'planes' } as const;

describe('an image input', () => {
  it('has four dimensions and one or three channels, in either order', () => {
    expect(imageInput([spec([1, 1, 28, 28])])).toEqual({
      width: 28,
      height: 28,
      channels: 1,
      order: 'planes',
    });
    expect(imageInput([spec([-1, 3, 224, 320])])).toEqual({
      width: 320,
      height: 224,
      channels: 3,
      order: 'planes',
    });
    expect(imageInput([spec([1, 64, 48, 3], 'uint8')])).toEqual({
      width: 48,
      height: 64,
      channels: 3,
      order: 'pixels',
    });
  });

  it.each([
    ['tokens', [spec([1, 16], 'int64')]],
    ['a volume', [spec([1, 3, 16, 112, 112])]],
    ['a batch of eight', [spec([8, 3, 224, 224])]],
    ['an open size', [spec([1, 3, -1, -1])]],
    ['features', [spec([1, 64, 28, 28])]],
    ['two inputs', [spec([1, 3, 28, 28]), spec([1, 3, 28, 28])]],
    ['none', []],
  ])('is not %s', (_what, inputs) => {
    expect(imageInput(inputs)).toBeNull();
  });
});

it('crops a picture of another aspect ratio to its middle', () => {
  expect(middleOf({ width: 640, height: 480 }, { width: 28, height: 28 })).toEqual({
    x: 80,
    y: 0,
    width: 480,
    height: 480,
  });
  expect(middleOf({ width: 100, height: 400 }, { width: 200, height: 100 })).toEqual({
    x: 0,
    y: 175,
    width: 100,
    height: 50,
  });
});

it('orders colors by plane or by pixel, as the model needs', () => {
  const rgba = [10, 20, 30, 255, 40, 50, 60, 255];
  expect([...inputBytes(rgba, { ...GREY, channels: 3 })]).toEqual([10, 40, 20, 50, 30, 60]);
  expect([...inputBytes(rgba, { ...GREY, channels: 3, order: 'pixels' })]).toEqual([10, 20, 30, 40, 50, 60]);
});

it('converts to gray by luma, transparent to black, and inverts ink on paper', () => {
  const rgba = [255, 255, 255, 255, 255, 255, 255, 0];
  expect([...inputBytes(rgba, GREY)]).toEqual([255, 0]);
  expect([...inputBytes(rgba, GREY, true)]).toEqual([0, 255]);
  expect([...inputBytes([255, 0, 0, 255, 0, 255, 0, 255], GREY)]).toEqual([76, 150]);
  expect(isInkOnPaper(Uint8Array.of(250, 240, 250, 10), GREY)).toBe(true);
  expect(isInkOnPaper(Uint8Array.of(0, 0, 0, 250), GREY)).toBe(false);
});

it('encodes bytes in base64', () => {
  expect(base64(Uint8Array.of(0, 1, 254, 255))).toBe('AAH+/w==');
});
