/** Reference outputs: plain ONNX Runtime on the undivided model. */
import { fileURLToPath } from 'node:url';
import { expect } from '@playwright/test';
import { sampleDigits } from '@sparewheel/zoo';
import ort from 'onnxruntime-node';
import { type Inferred, inferBinary, relativeError } from './inference.ts';
import type { Product } from './product.ts';

/** The product's limit for the relative error of every network. */
export const TOLERANCE = 1e-4;

export const lenet5File = fileURLToPath(import.meta.resolve('@sparewheel/zoo/models/lenet5.onnx'));

let session: Promise<ort.InferenceSession> | undefined;

/** Runs LeNet-5. @param pixels  784 values in [0, 1]. @returns the 10 logits */
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

/** Sends a digit to a deployment of LeNet-5, by default the demo, and compares the answer with the reference. */
export async function expectRightAnswer(
  product: Product,
  { infer = inferBinary, pixels = sampleImages()[0]!.pixels, deployment = 'lenet5' } = {},
): Promise<Inferred> {
  const answer = await infer(product, deployment, digitInput(pixels));
  await expectRight(answer, pixels);
  return answer;
}

export async function expectRight({ status, outputs }: Inferred, pixels: Float32Array): Promise<void> {
  expect(status).toBe(200);
  expect(relativeError(outputs.logits!, await referenceLenet5(pixels))).toBeLessThanOrEqual(TOLERANCE);
}
