import { describe, expect, it } from 'vitest';
import { cutOff, type TransportSocket } from './cut-off.ts';

describe('cutting off a socket that cannot be paused', () => {
  it('holds back what comes in and lets it through in order afterwards', () => {
    const heard: unknown[] = [];
    const socket: TransportSocket = { onmessage: ({ data }) => heard.push(data) };
    const letThrough = cutOff(socket);
    for (const data of [1, 2]) socket.onmessage?.({ data });
    expect(heard).toEqual([]);
    letThrough();
    socket.onmessage?.({ data: 3 });
    expect(heard).toEqual([1, 2, 3]);
  });
});
