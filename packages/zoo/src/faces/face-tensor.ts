/** Width and height of the input in pixels. */
export const FACE_SIZE = 128;

/**
 * Returns the input of the face detector: [1, 128, 128, 3], pixels in the order red, green, blue, from −1 to 1.
 * [MediaPipe, face detection short range]
 * @param rgba  128 × 128 pixels, four bytes each; transparent is black
 */
export function faceTensor(rgba: ArrayLike<number>): Float32Array {
  const pixels = FACE_SIZE * FACE_SIZE;
  if (rgba.length !== 4 * pixels) {
    throw new RangeError(`the face detector needs ${4 * pixels} bytes, but got ${rgba.length}`);
  }
  const tensor = new Float32Array(3 * pixels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const opacity = (rgba[4 * pixel + 3] ?? 255) / 255;
    for (let channel = 0; channel < 3; channel++) {
      tensor[3 * pixel + channel] = (((rgba[4 * pixel + channel] ?? 0) * opacity) / 255 - 0.5) / 0.5;
    }
  }
  return tensor;
}
