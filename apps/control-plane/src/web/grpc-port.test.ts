import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartupError } from '../startup-error.ts';
import { chooseGrpcPort } from './grpc-port.ts';

describe('the port of gRPC', () => {
  let other: Server;
  let taken: number;
  let lines: string[];
  const choose = (grpc: Parameters<typeof chooseGrpcPort>[1]) =>
    chooseGrpcPort('127.0.0.1', grpc, (line) => lines.push(line));
  beforeEach(async () => {
    lines = [];
    other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    taken = (other.address() as AddressInfo).port;
  });
  afterEach(() => void other.close());

  it('is the chosen one if it is free', async () => {
    other.close();
    await once(other, 'close');
    expect(await choose({ port: taken, required: true })).toBe(taken);
    expect(await choose({ port: taken, required: false })).toBe(taken);
    expect([await choose({ port: 0, required: false }), await choose(null)]).toEqual([0, null]);
    expect(lines).toEqual([]);
  });

  it('stops the start if it was set and is taken', async () => {
    await expect(choose({ port: taken, required: true })).rejects.toThrow(StartupError);
  });

  it('is skipped with a reason if it is the default and is taken', async () => {
    expect(await choose({ port: taken, required: false })).toBeNull();
    expect(lines).toEqual([
      `Inference over gRPC is off. Port ${taken} on 127.0.0.1 is taken by another program. To use it, set GRPC_PORT to a free port.`,
    ]);
  });
});
