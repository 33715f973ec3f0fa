/** Height of a line in pixels. The network knows no other. */
export const LINE_HEIGHT = 48;
/** Width of a line in pixels: about 35 characters in their natural width. */
export const LINE_WIDTH = 480;
/** Pixels for each step of the answer. */
export const LINE_STRIDE = 8;

/** Returns the width in pixels of a picture that is scaled to the height of a line, at most `LINE_WIDTH`. */
export function lineWidth(picture: { readonly width: number; readonly height: number }): number {
  if (!(picture.width > 0 && picture.height > 0)) return 1;
  return Math.min(LINE_WIDTH, Math.max(1, Math.round((picture.width * LINE_HEIGHT) / picture.height)));
}

/**
 * Returns the input of the line reader: [1, 3, 48, 480], planes in the order blue, green, red, from −1 to 1.
 * What a narrow picture leaves free at the right is 0. [PaddleOCR, RecResizeImg]
 * @param rgba   48 rows of `width` pixels, four bytes each; transparent is white, like paper
 * @param width  at most 480
 */
export function lineTensor(rgba: ArrayLike<number>, width: number): Float32Array {
  if (!(width >= 1 && width <= LINE_WIDTH) || rgba.length !== 4 * width * LINE_HEIGHT) {
    throw new RangeError(
      `a line needs 48 rows of 1 to 480 pixels, but got ${rgba.length} bytes for a width of ${width}`,
    );
  }
  const tensor = new Float32Array(3 * LINE_HEIGHT * LINE_WIDTH);
  for (let y = 0; y < LINE_HEIGHT; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = 4 * (y * width + x);
      const opacity = (rgba[pixel + 3] ?? 255) / 255;
      for (let plane = 0; plane < 3; plane++) {
        const value = 255 - (255 - (rgba[pixel + 2 - plane] ?? 0)) * opacity;
        tensor[(plane * LINE_HEIGHT + y) * LINE_WIDTH + x] = (value / 255 - 0.5) / 0.5;
      }
    }
  }
  return tensor;
}
