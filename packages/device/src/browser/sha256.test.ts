import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { sha256 } from './sha256.ts';

it('agrees with Node’s at every length around the block size, and on views into larger buffers', () => {
  for (let length = 0; length <= 200; length++) {
    const data = randomBytes(length + 3).subarray(3);
    expect(sha256(data), `length ${length}`).toBe(createHash('sha256').update(data).digest('hex'));
  }
  const large = randomBytes(1_000_003);
  expect(sha256(large)).toBe(createHash('sha256').update(large).digest('hex'));
});
