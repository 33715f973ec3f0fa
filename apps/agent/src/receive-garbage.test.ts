import { describe, expect, it } from 'vitest';
import { ReceiveGarbage } from './receive-garbage.ts';

describe('the buffers that chunks came in', () => {
  it('are let go every few megabytes, whatever the size of the chunks', () => {
    for (const chunkBytes of [64 * 1024, 256 * 1024, 3_000_000]) {
      let collections = 0;
      const garbage = new ReceiveGarbage(() => collections++);
      const chunks = Math.ceil(48e6 / chunkBytes);
      for (let chunk = 0; chunk < chunks; chunk++) garbage.add(chunkBytes);
      expect(collections).toBeGreaterThanOrEqual(8);
      expect(collections).toBeLessThanOrEqual(12);
    }
  });

  it('stay where the process has no collector to offer', () => {
    expect(() => new ReceiveGarbage().add(100e6)).not.toThrow();
  });
});
