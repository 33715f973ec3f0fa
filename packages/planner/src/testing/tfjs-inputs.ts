import type { Feed } from '@sparewheel/tfjs-import/testing';
import sharp from 'sharp';

/** What a model of images expects. */
export interface ImageInput {
  /** Rows and columns, where the model leaves them free. */
  readonly size: number;
  /** The value of white: 1 or 255. */
  readonly highest: number;
}

/**
 * Returns the input of a model with one input: a picture [1, rows, columns, channels], or a sound [1, samples, 1].
 * @param photo  path of a picture; without one, a drawn picture is used
 */
export async function realInput(
  dims: readonly number[],
  type: string,
  { highest }: ImageInput,
  photo: string | undefined,
): Promise<Feed> {
  const length = dims.reduce((product, dim) => product * dim, 1);
  if (dims.length !== 4)
    return { dims, data: Float32Array.from({ length }, (_, sample) => chord(sample / 22_050)) };
  const [, rows = 1, columns = 1, channels = 1] = dims;
  const pixels = await (photo ? sharp(photo) : drawing(rows, columns))
    .resize(columns, rows, { fit: 'cover' })
    .removeAlpha()
    .toColorspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer();
  const scaled = Array.from(pixels as Uint8Array, (value) => (value / 255) * highest);
  return { dims, data: type === 'int32' ? Int32Array.from(scaled) : Float32Array.from(scaled) };
}

/** Draws colored disks on a gradient. */
function drawing(rows: number, columns: number): ReturnType<typeof sharp> {
  const pixels = new Uint8Array(rows * columns * 3);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [y, x] = [row / rows, column / columns];
      const inside = (cx: number, cy: number, radius: number) => (x - cx) ** 2 + (y - cy) ** 2 < radius ** 2;
      const color = inside(0.5, 0.4, 0.25)
        ? [224, 172, 105]
        : inside(0.2, 0.8, 0.15)
          ? [20, 90, 200]
          : [y * 255, x * 255, 90];
      pixels.set(color, (row * columns + column) * 3);
    }
  }
  return sharp(pixels, { raw: { width: columns, height: rows, channels: 3 } });
}

/** The sound of three notes with overtones, at a time in seconds. */
function chord(seconds: number): number {
  let sum = 0;
  for (const hertz of [220, 277.18, 329.63]) {
    for (const overtone of [1, 2, 3, 4]) sum += Math.sin(2 * Math.PI * hertz * overtone * seconds) / overtone;
  }
  return 0.1 * sum * Math.exp(-seconds);
}
