import type { TensorSpec } from '@sparewheel/protocol';

/** The input of a model that looks at one picture. */
export interface ImageInput {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** `planes` is NCHW, one plane after the other; `pixels` is NHWC. */
  readonly order: 'planes' | 'pixels';
}

/** Below this, four dimensions are a vector's or a kernel's rather than a picture's. */
const SMALLEST_SIDE = 8;

/** How a deployment takes a picture; null where its input is none. */
export function imageInput(inputs: readonly TensorSpec[]): ImageInput | null {
  const [spec, ...more] = inputs;
  if (spec === undefined || more.length > 0 || spec.dims.length !== 4) return null;
  if (spec.type !== 'float32' && spec.type !== 'uint8') return null;
  const [batch, a = 0, b = 0, c = 0] = spec.dims;
  if (batch !== 1 && batch !== -1) return null;
  const planes = a === 1 || a === 3;
  const [channels, height, width] = planes ? [a, b, c] : [c, a, b];
  if ((channels !== 1 && channels !== 3) || Math.min(height, width) < SMALLEST_SIDE) return null;
  return { width, height, channels, order: planes ? 'planes' : 'pixels' };
}

/** The largest part of a picture that has the shape of the input, from its middle. */
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
 * The bytes of a picture in the order of the model's input.
 * @param rgba  of a picture that has the input's size, four bytes a pixel; transparent is black
 * @param inverted  dark becomes light: for ink on paper, where the model knows light ink on dark
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
 * Whether a picture is ink on paper, that is mostly light. Digit models have learned light ink on dark.
 * @param bytes  of one channel
 */
export function isInkOnPaper(bytes: Uint8Array, { channels }: ImageInput): boolean {
  return channels === 1 && bytes.reduce((sum, value) => sum + value, 0) / bytes.length > 127;
}

/** As a load request carries it. */
export function base64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** "28 × 28 grey", "224 × 224 colour". */
export function describeImage({ width, height, channels }: ImageInput): string {
  return `${width} × ${height} ${channels === 1 ? 'grey' : 'colour'}`;
}
