import { type TensorSpec, usualDims } from '@sparewheel/protocol';

/** The input of a model that takes one picture. */
export interface ImageInput {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** `planes` is NCHW; `pixels` is NHWC. */
  readonly order: 'planes' | 'pixels';
}

/** Inputs with smaller sides are not pictures. */
const SMALLEST_SIDE = 8;

/** Returns the picture input of a deployment; null if it takes something else. */
export function imageInput(inputs: readonly TensorSpec[]): ImageInput | null {
  const [spec, ...more] = inputs;
  if (spec === undefined || more.length > 0 || spec.dims.length !== 4) return null;
  if (spec.type !== 'float32' && spec.type !== 'uint8') return null;
  const [batch, a = 0, b = 0, c = 0] = usualDims(spec);
  if (batch !== 1) return null;
  const planes = a === 1 || a === 3;
  const [channels, height, width] = planes ? [a, b, c] : [c, a, b];
  if ((channels !== 1 && channels !== 3) || Math.min(height, width) < SMALLEST_SIDE) return null;
  return { width, height, channels, order: planes ? 'planes' : 'pixels' };
}

/** Returns the largest centered part of a picture with the aspect ratio of the input. */
export function middleOf(
  picture: { readonly width: number; readonly height: number },
  { width, height }: Pick<ImageInput, 'width' | 'height'>,
): { x: number; y: number; width: number; height: number } {
  const scale = Math.min(picture.width / width, picture.height / height);
  const part = { width: width * scale, height: height * scale };
  return { x: (picture.width - part.width) / 2, y: (picture.height - part.height) / 2, ...part };
}

/** The eye's sensitivity to red, green and blue. [ITU-R BT.601] */
const LUMA = [0.299, 0.587, 0.114] as const;

/**
 * Converts a picture to bytes in the order of the model's input.
 * @param rgba  pixels at the input's size, four bytes each; transparent is black
 * @param inverted  swaps dark and light, for ink on paper: models learn light ink on dark
 */
export function inputBytes(rgba: ArrayLike<number>, input: ImageInput, inverted = false): Uint8Array {
  const { width, height, channels, order } = input;
  const pixels = width * height;
  const bytes = new Uint8Array(pixels * channels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const at = (channel: number) => (rgba[pixel * 4 + channel] ?? 0) * ((rgba[pixel * 4 + 3] ?? 255) / 255);
    for (let channel = 0; channel < channels; channel++) {
      const value = channels === 3 ? at(channel) : LUMA.reduce((sum, weight, i) => sum + weight * at(i), 0);
      const place = order === 'planes' ? channel * pixels + pixel : pixel * channels + channel;
      bytes[place] = inverted ? 255 - Math.round(value) : Math.round(value);
    }
  }
  return bytes;
}

/**
 * Returns whether a gray picture is mostly light, like ink on paper. Digit models learn light ink on dark.
 * @param bytes  one byte per pixel
 */
export function isInkOnPaper(bytes: Uint8Array, { channels }: ImageInput): boolean {
  return channels === 1 && bytes.reduce((sum, value) => sum + value, 0) / bytes.length > 127;
}

/** Encodes bytes in base64, as a load request contains them. */
export function base64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Describes an input: "28 × 28 gray", "224 × 224 color". */
export function describeImage({ width, height, channels }: ImageInput): string {
  return `${width} × ${height} ${channels === 1 ? 'gray' : 'color'}`;
}
