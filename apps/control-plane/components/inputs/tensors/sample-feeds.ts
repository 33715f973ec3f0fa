import type { TensorSpec } from '@sparewheel/protocol';
import { elementCount, usualDims } from '@sparewheel/protocol';
import { seededRandom } from '@sparewheel/zoo/random';
import type { Feed, OutputData } from '../infer.ts';

const SEED = 4;

/**
 * Returns the same input for each request: seeded random numbers for float32, zeros for other types. Free dimensions have
 * their usual sizes.
 * @returns null if the page cannot write a type
 */
export function sampleFeeds(inputs: readonly TensorSpec[]): readonly Feed[] | null {
  const random = seededRandom(SEED);
  const feeds: Feed[] = [];
  for (const input of inputs) {
    const { name, type } = input;
    const dims = usualDims(input);
    const count = elementCount(dims);
    if (type === 'float32') {
      const data = new Float32Array(count);
      random.fill(data, 1);
      feeds.push({ name, dims, data });
    } else if (type === 'int64') feeds.push({ name, dims, data: new BigInt64Array(count) });
    else if (type === 'int32') feeds.push({ name, dims, data: new Int32Array(count) });
    else if (type === 'uint8') feeds.push({ name, dims, data: new Uint8Array(count) });
    else return null;
  }
  return feeds;
}

/** Returns max |a − b| ÷ max |b| over two answers to the same input; infinity if their lengths differ. */
export function relativeDifference(a: OutputData, b: OutputData): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let scale = 0;
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs(Number(a[i]) - Number(b[i])));
    scale = Math.max(scale, Math.abs(Number(b[i])));
  }
  return scale === 0 ? difference : difference / scale;
}
