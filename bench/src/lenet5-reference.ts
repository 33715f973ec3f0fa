import { fileURLToPath } from 'node:url';
import { sampleDigits } from '@sparewheel/zoo';
import ort from 'onnxruntime-node';
import { type PreparedRequest, prepareRequest } from './inference-client.ts';

/** Limit for max |a − b| ÷ max |b| of a correct answer. */
export const ANSWER_TOLERANCE = 1e-4;

export interface KnownCase {
  readonly label: number;
  readonly request: PreparedRequest;
  readonly logits: Float32Array;
}

/** Returns the sample digits with the logits of plain ONNX Runtime on the undivided network. */
export async function lenet5Cases(): Promise<KnownCase[]> {
  const model = fileURLToPath(import.meta.resolve('@sparewheel/zoo/models/lenet5.onnx'));
  const session = await ort.InferenceSession.create(model);
  const cases: KnownCase[] = [];
  for (const { label, pixels } of sampleDigits()) {
    const image = Float32Array.from(pixels, (gray) => gray / 255);
    const dims = [1, 1, 28, 28];
    const { logits } = await session.run({ image: new ort.Tensor('float32', image, dims) });
    const request = prepareRequest('image', dims, image);
    cases.push({ label, request, logits: Float32Array.from(logits?.data as Float32Array) });
  }
  return cases;
}

/** Returns max |actual − expected| ÷ max |expected|; infinite if the lengths differ or a value is NaN. */
export function relativeError(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    const deviation = Math.abs(actual[i]! - expected[i]!);
    if (Number.isNaN(deviation)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, deviation);
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return difference / scale;
}
