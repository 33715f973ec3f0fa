/** Plain ONNX Runtime on the undivided model: what every coded answer is compared with. */
import { fileURLToPath } from 'node:url';
import { expect } from '@playwright/test';
import { sampleDigits } from '@sparewheel/zoo';
import ort from 'onnxruntime-node';
import { type Inferred, inferBinary, relativeError } from './inference.ts';
import type { Product } from './product.ts';

/** What the product promises of every network, relative to the largest value. */
export const TOLERANCE = 1e-4;

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

export const digitInput = (pixels: Float32Array) => ({ name: 'image', dims: [1, 1, 28, 28], data: pixels });

/** Asks the deployment `lenet5` what a digit is, and holds the answer to the undivided model's. */
export async function expectRightAnswer(
  product: Product,
  { infer = inferBinary, pixels = sampleImages()[0]!.pixels } = {},
): Promise<Inferred> {
  const answer = await infer(product, 'lenet5', digitInput(pixels));
  await expectRight(answer, pixels);
  return answer;
}

export async function expectRight({ status, outputs }: Inferred, pixels: Float32Array): Promise<void> {
  expect(status).toBe(200);
  expect(relativeError(outputs.logits!, await referenceLenet5(pixels))).toBeLessThanOrEqual(TOLERANCE);
}
