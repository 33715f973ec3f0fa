import { LIMITS } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { pauseReceiving, reconnectDelayMs, type TransportSocket } from './connection.ts';

describe('reconnection delay', () => {
  it('doubles up to the limit, with a random part', () => {
    expect(reconnectDelayMs(0, 0)).toBe(LIMITS.reconnectMinMs);
    expect(reconnectDelayMs(1, 0)).toBe(2 * LIMITS.reconnectMinMs);
    for (const attempts of [5, 50, 5_000]) expect(reconnectDelayMs(attempts, 0)).toBe(LIMITS.reconnectMaxMs);
    expect(reconnectDelayMs(50, 0.999)).toBeGreaterThan(LIMITS.reconnectMaxMs / 2);
    expect(reconnectDelayMs(50, 0.999)).toBeLessThan(0.51 * LIMITS.reconnectMaxMs);
  });
});

describe('a partitioned browser socket', () => {
  it('buffers messages and delivers them in order when it resumes', () => {
    const received: unknown[] = [];
    const socket: TransportSocket = { onmessage: ({ data }) => received.push(data) };
    const resume = pauseReceiving(socket);
    for (const data of [1, 2]) socket.onmessage?.({ data });
    expect(received).toEqual([]);
    resume();
    socket.onmessage?.({ data: 3 });
    expect(received).toEqual([1, 2, 3]);
  });
});
