import { LINE_HEIGHT, LINE_WIDTH, lineWidth } from '@sparewheel/zoo/line-reader';

/** Size and position of printed text in pixels, in a line that is 48 high. */
const TEXT_SIZE = 32;
const BASELINE = 35;
const MARGIN = 8;

/** Prints text on white paper, 480 × 48. Long text is squeezed. */
export function paintText(context: CanvasRenderingContext2D, text: string): void {
  clear(context);
  context.fillStyle = '#111';
  context.font = `${TEXT_SIZE}px "DejaVu Sans", Verdana, Arial, sans-serif`;
  context.fillText(text, MARGIN, BASELINE, LINE_WIDTH - 2 * MARGIN);
}

/** A part of a picture, in its own pixels. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Scales a part of a picture to the height of a line. What is left at the right stays empty.
 * @returns the columns that the picture fills
 */
export function paintPicture(
  context: CanvasRenderingContext2D,
  picture: CanvasImageSource,
  part: Part,
): number {
  clear(context);
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

function clear(context: CanvasRenderingContext2D): void {
  context.fillStyle = '#fff';
  context.fillRect(0, 0, LINE_WIDTH, LINE_HEIGHT);
}
