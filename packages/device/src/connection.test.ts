import { LIMITS } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { reconnectDelayMs } from './connection.ts';

describe('reconnection', () => {
  it('waits longer each time, never beyond the limit, and never all devices alike', () => {
    expect(reconnectDelayMs(0, 0)).toBe(LIMITS.reconnectMinMs);
    expect(reconnectDelayMs(1, 0)).toBe(2 * LIMITS.reconnectMinMs);
    for (const attempts of [5, 50, 5_000]) expect(reconnectDelayMs(attempts, 0)).toBe(LIMITS.reconnectMaxMs);
    expect(reconnectDelayMs(50, 0.999)).toBeGreaterThan(LIMITS.reconnectMaxMs / 2);
    expect(reconnectDelayMs(50, 0.999)).toBeLessThan(0.51 * LIMITS.reconnectMaxMs);
  });
});
