import { LINE_HEIGHT, LINE_WIDTH, lineWidth } from '@sparewheel/zoo/line-reader';

/** Size and position of printed text in pixels, in a line that is 48 high. Wider spaces are read more reliably. */
const TEXT_SIZE = 32;
const BASELINE = 35;
const MARGIN = 4;
const EXTRA_SPACE = 4;

/**
 * Prints text on white paper that is as wide as the text, at most 480. Long text is squeezed. What is left at the
 * right stays transparent: the model reads marks into empty paper.
 * @returns the columns of the paper
 */
export function paintText(context: CanvasRenderingContext2D, text: string): number {
  context.clearRect(0, 0, LINE_WIDTH, LINE_HEIGHT);
  context.font = `${TEXT_SIZE}px Arial, "Liberation Sans", sans-serif`;
  context.wordSpacing = `${EXTRA_SPACE}px`;
  const width = Math.min(LINE_WIDTH, Math.ceil(context.measureText(text).width) + 2 * MARGIN);
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, LINE_HEIGHT);
  context.fillStyle = '#111';
  context.fillText(text, MARGIN, BASELINE, LINE_WIDTH - 2 * MARGIN);
  return width;
}

/** A part of a picture, in its own pixels. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Scales a part of a picture to the height of a line. What is left at the right stays transparent.
 * @returns the columns that the picture fills
 */
export function paintPicture(
  context: CanvasRenderingContext2D,
  picture: CanvasImageSource,
  part: Part,
): number {
  context.clearRect(0, 0, LINE_WIDTH, LINE_HEIGHT);
  const width = lineWidth(part);
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, part.x, part.y, part.width, part.height, 0, 0, width, LINE_HEIGHT);
  return width;
}

/** Returns the strip in the middle of a camera picture that the line reader reads: its whole width. */
export function middleStrip({ width, height }: { readonly width: number; readonly height: number }): Part {
  const strip = Math.min(height, (width * LINE_HEIGHT) / LINE_WIDTH);
  return { x: 0, y: (height - strip) / 2, width, height: strip };
}
