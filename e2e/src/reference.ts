/** Plain ONNX Runtime on the undivided model: what every coded answer is compared with. */
import { fileURLToPath } from 'node:url';
import { sampleDigits } from '@sparewheel/zoo';
import ort from 'onnxruntime-node';

export const lenet5File = fileURLToPath(import.meta.resolve('@sparewheel/zoo/models/lenet5.onnx'));

let session: Promise<ort.InferenceSession> | undefined;

/** @param pixels  784 values in [0, 1]; @returns the 10 logits */
export async function referenceLenet5(pixels: Float32Array): Promise<Float32Array> {
  session ??= ort.InferenceSession.create(lenet5File);
  const { logits } = await (await session).run({ image: new ort.Tensor('float32', pixels, [1, 1, 28, 28]) });
  return logits?.data as Float32Array;
}

export function sampleImages(): { label: number; pixels: Float32Array }[] {
  return sampleDigits().map(({ label, pixels }) => ({
    label,
    pixels: Float32Array.from(pixels, (gray) => gray / 255),
  }));
}
