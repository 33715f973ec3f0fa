import { describe, expect, it } from 'vitest';
import { BufferPool } from './buffer-pool.ts';

const MB = 1024 * 1024;

describe('a buffer pool', () => {
  it('returns a given buffer for the same length only, and once', () => {
    const pool = new BufferPool();
    const buffer = pool.take(100);
    pool.give(buffer);
    expect(pool.take(99)).not.toBe(buffer);
    expect(pool.take(100)).toBe(buffer);
    expect(pool.take(100)).not.toBe(buffer);
  });

  it('ignores buffers that it did not lend, and a buffer that is given twice', () => {
    const pool = new BufferPool();
    const foreign = new ArrayBuffer(100);
    pool.give(foreign);
    const buffer = pool.take(100);
    expect(buffer).not.toBe(foreign);
    pool.give(buffer);
    pool.give(buffer);
    expect(pool.take(100)).toBe(buffer);
    expect(pool.take(100)).not.toBe(buffer);
  });

  it('keeps at most 16 MB, the latest', () => {
    const pool = new BufferPool();
    const [small, large, huge] = [pool.take(10 * MB), pool.take(12 * MB), pool.take(17 * MB)];
    pool.give(small);
    pool.give(large);
    pool.give(huge);
    expect(pool.take(10 * MB)).not.toBe(small);
    expect(pool.take(17 * MB)).not.toBe(huge);
    expect(pool.take(12 * MB)).toBe(large);
  });
});
