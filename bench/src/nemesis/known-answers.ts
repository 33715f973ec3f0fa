import { quantizedCases } from '@sparewheel/e2e/quantized-network';
import { prepareRequest } from '../inference-client.ts';
import { ANSWER_TOLERANCE, lenet5Cases } from '../lenet5-reference.ts';
import type { KnownAnswers } from './checked-load.ts';

/** More than one of each batch. */
const QUANTIZED_CASES = 12;

/** Returns the sample digits for LeNet-5. */
export async function digits(): Promise<KnownAnswers> {
  const cases = (await lenet5Cases()).map(({ request, logits }) => ({ request, output: logits }));
  return { cases, tolerance: ANSWER_TOLERANCE };
}

/** Returns requests of different batches for the network with 8-bit weights. */
export async function quantizedBatches(): Promise<KnownAnswers> {
  const cases = (await quantizedCases(QUANTIZED_CASES)).map(({ input: { name, dims, data }, expected }) => ({
    request: prepareRequest(name, dims, data),
    output: expected,
  }));
  return { cases, tolerance: 0 };
}
