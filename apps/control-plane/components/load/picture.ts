import { base64, type ImageInput, inputBytes, isInkOnPaper, middleOf } from '../inputs/image-input.ts';

/** A picture in the model's input format. */
export interface Picture {
  readonly id: string;
  readonly label: string;
  /** The elements of the input, in base64. */
  readonly bytes: string;
  /** The same picture as a data URL. */
  readonly preview: string;
}

let made = 0;

/** Converts an image file to a picture. @throws {Error} the browser cannot decode it */
export async function pictureFromFile(file: File, input: ImageInput): Promise<Picture> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name} is not an image that this browser can read. Convert it to PNG or JPEG.`);
  }
  try {
    return pictureFrom(bitmap, bitmap, file.name, input);
  } finally {
    bitmap.close();
  }
}

/** Crops a source to its middle and scales it to the model's size. Inverts ink on paper to light on dark. */
export function pictureFrom(
  source: CanvasImageSource,
  size: { readonly width: number; readonly height: number },
  label: string,
  input: ImageInput,
): Picture {
  const canvas = document.createElement('canvas');
  canvas.width = input.width;
  canvas.height = input.height;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('This browser has no canvas to scale pictures.');
  const part = middleOf(size, input);
  context.imageSmoothingQuality = 'high';
  context.drawImage(source, part.x, part.y, part.width, part.height, 0, 0, input.width, input.height);
  const { data } = context.getImageData(0, 0, input.width, input.height);
  const bytes = inputBytes(data, input);
  return pictureOf(isInkOnPaper(bytes, input) ? inputBytes(data, input, true) : bytes, label, input);
}

/** Creates a picture from bytes in the model's order. */
export function pictureOf(bytes: Uint8Array, label: string, input: ImageInput): Picture {
  return { id: `picture ${++made}`, label, bytes: base64(bytes), preview: previewOf(bytes, input) };
}

function previewOf(bytes: Uint8Array, { width, height, channels, order }: ImageInput): string {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  if (context === null) return '';
  const image = context.createImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const from = channels === 1 ? 0 : channel;
      const place = order === 'planes' ? from * width * height + pixel : pixel * channels + from;
      image.data[pixel * 4 + channel] = bytes[place] ?? 0;
    }
    image.data[pixel * 4 + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}
