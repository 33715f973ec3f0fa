interface Size {
  readonly width: number;
  readonly height: number;
}

/** Returns where a picture fits into a frame, centered and whole. */
export function letterbox(
  picture: Size,
  frame: Size,
): { x: number; y: number; width: number; height: number } {
  const scale = Math.min(
    frame.width / Math.max(picture.width, 1),
    frame.height / Math.max(picture.height, 1),
  );
  const [width, height] = [picture.width * scale, picture.height * scale];
  return { x: (frame.width - width) / 2, y: (frame.height - height) / 2, width, height };
}

/** Draws a picture into a canvas, whole, with black bars. */
export function paintWhole(
  canvas: HTMLCanvasElement,
  picture: CanvasImageSource,
  size: Size,
): CanvasRenderingContext2D | null {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) return null;
  const { x, y, width, height } = letterbox(size, canvas);
  context.fillStyle = '#000';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, x, y, width, height);
  return context;
}
