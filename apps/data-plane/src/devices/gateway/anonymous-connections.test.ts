import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { NAMESPACES, PROTOCOL_VERSION } from '@sparewheel/protocol';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TEST_TOKENS, TestPlane } from '../../testing/test-plane.ts';
import { AnonymousConnections } from './anonymous-connections.ts';
import { GATEWAY_LIMITS } from './gateway-limits.ts';

describe('anonymous connections', () => {
  it('are bounded per address, and free their place when they are settled', () => {
    const connections = new AnonymousConnections(2);
    const [a, b] = [{}, {}];
    connections.opened(a, '10.0.0.1');
    expect(connections.allows('10.0.0.1')).toBe(true);
    connections.opened(b, '10.0.0.1');
    expect(connections.allows('10.0.0.1')).toBe(false);
    expect(connections.allows('10.0.0.2')).toBe(true);
    connections.settled(a);
    connections.settled(a);
    expect(connections.allows('10.0.0.1')).toBe(true);
  });
});

describe('a flood of connections without a token', () => {
  let plane: TestPlane;
  const sockets: Duplex[] = [];
  let agent: Socket | null = null;
  beforeEach(async () => {
    plane = await TestPlane.start();
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    agent?.close();
    await plane.stop();
  });

  /** Opens a connection and joins no namespace. Resolves with whether it was accepted. */
  const open = (): Promise<boolean> =>
    new Promise((resolve) => {
      const headers = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'c3BhcmUgd2hlZWwgMTIzNA==',
      };
      const opening = request(`${plane.url}/socket.io/?EIO=4&transport=websocket`, { headers });
      opening.on('upgrade', (_response, socket) => {
        sockets.push(socket);
        resolve(true);
      });
      opening.on('response', () => resolve(false));
      opening.on('error', () => resolve(false));
      opening.end();
    });

  it('is refused above its bound, and an agent connects after it', async () => {
    const accepted: boolean[] = [];
    for (let at = 0; at < GATEWAY_LIMITS.anonymousPerAddress + 3; at++) accepted.push(await open());
    expect(accepted.filter((each) => !each)).toHaveLength(3);
    for (const socket of sockets.splice(0)) socket.destroy();
    agent = io(`${plane.url}${NAMESPACES.control}`, {
      transports: ['websocket'],
      auth: {
        protocol: PROTOCOL_VERSION,
        token: TEST_TOKENS.joinToken,
        device: { id: 'device-0001', secret: 's'.repeat(32) },
        incarnation: 'the-first-process',
      },
    });
    await new Promise<void>((resolve) => agent!.on('connect', resolve));
  });
});
