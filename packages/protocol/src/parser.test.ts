import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MalformedFrameError, UnencodableMessageError } from './frame.ts';
import { LIMITS } from './limits.ts';
import { frameParser } from './parser.ts';
import type { Answer, ComputeRequest } from './wire.ts';

const request: ComputeRequest = {
  kind: 'compute',
  request: 1,
  task: 2,
  tensors: [{ type: 'float32', dims: [3], data: Float32Array.of(1, 2, 3) }],
};

describe('the Socket.IO parser over a loopback connection', () => {
  let server: Server;
  let port: number;
  const clients: Socket[] = [];

  beforeEach(async () => {
    const http = createServer();
    server = new Server(http, {
      parser: frameParser,
      transports: ['websocket'],
      perMessageDeflate: false,
      serveClient: false,
      maxHttpBufferSize: LIMITS.frameBytes,
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    port = (http.address() as AddressInfo).port;
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await server.close();
  });

  function connect(namespace: string, options: object = {}): Socket {
    const socket = io(`http://127.0.0.1:${port}${namespace}`, {
      parser: frameParser,
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      ...options,
    });
    clients.push(socket);
    return socket;
  }

  it('encodes a broadcast once, sends one binary message per device, and decodes the answers', async () => {
    const encode = vi.spyOn(frameParser.Encoder.prototype, 'encode');
    const received: Answer[] = [];
    const gathered = new Promise<void>((resolve) => {
      server.of('/tensors').on('connection', (socket) => {
        void socket.join('group');
        socket.on('tensors', (answer: Answer) => {
          received.push(answer);
          if (received.length === 3) resolve();
        });
      });
    });
    const messages: unknown[] = [];
    for (let device = 0; device < 3; device++) {
      const socket = connect('/tensors');
      socket.on('tensors', (message: ComputeRequest) => {
        socket.emit('tensors', { ...message, kind: 'answer', computeMicros: 5, request: device });
      });
      await once(socket as never, 'connect');
      socket.io.engine.on('data', (data) => messages.push(data));
    }
    encode.mockClear();
    server.of('/tensors').to('group').emit('tensors', request);
    await gathered;
    expect(messages).toHaveLength(3);
    expect(messages.every((message) => message instanceof Uint8Array)).toBe(true);
    expect(encode).toHaveBeenCalledTimes(1 + 3);
    expect(received.map((answer) => answer.request).sort()).toEqual([0, 1, 2]);
    expect(received[0]?.tensors[0]?.data).toEqual(Float32Array.of(1, 2, 3));
    encode.mockRestore();
  });

  it('sends a blob chunk as one binary message and acknowledges it', async () => {
    const chunk = { sha256: 'ab'.repeat(32), bytes: 5, offset: 1, data: Uint8Array.of(1, 2, 3, 4) };
    const outcome = new Promise((resolve) => {
      server.of('/control').on('connection', (socket) => socket.emit('blob', chunk, resolve));
    });
    const client = connect('/control');
    client.on('blob', (received, acknowledge) => {
      acknowledge({ ok: true, offset: received.offset, data: [...received.data] });
    });
    expect(await outcome).toEqual({ ok: true, offset: 1, data: [1, 2, 3, 4] });
  });

  it('rejects binary data in any other event', () => {
    const encoder = new frameParser.Encoder();
    const packet = { type: 2, nsp: '/control', data: ['other', new Uint8Array(1)] };
    expect(() => encoder.encode(packet)).toThrow(UnencodableMessageError);
    expect(() => encoder.encode({ type: 2, nsp: '/tensors', data: ['tensors', request], id: 1 })).toThrow(
      'has no acknowledgment',
    );
  });

  it('passes handshakes, refusals and JSON events through unchanged', async () => {
    server.of('/supervisor').use((socket, next) => {
      next(socket.handshake.auth.token === 'right' ? undefined : new Error('token refused'));
    });
    server.of('/supervisor').on('connection', (socket) => {
      socket.on('devices', (devices, acknowledge) => acknowledge({ ok: true, count: devices.length }));
    });
    const refused = connect('/supervisor', { auth: { token: 'wrong' } });
    const error = await new Promise<Error>((resolve) => refused.on('connect_error', resolve));
    expect(error.message).toBe('token refused');
    const accepted = connect('/supervisor', { auth: { token: 'right' } });
    expect(await accepted.emitWithAck('devices', [{ name: 'é' }, {}])).toEqual({ ok: true, count: 2 });
  });

  it('reports a malformed frame on the server and closes that connection only', async () => {
    const errors: unknown[] = [];
    server.of('/tensors').on('connection', (socket) => {
      socket.on('error', (error) => errors.push(error));
      socket.on('tensors', (message) => socket.emit('tensors', message));
    });
    const correct = connect('/tensors');
    const hostile = connect('/tensors');
    await Promise.all([once(correct as never, 'connect'), once(hostile as never, 'connect')]);
    hostile.io.engine.write(Buffer.from('not a frame at all'));
    await once(hostile as never, 'disconnect');
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(MalformedFrameError);
    correct.emit('tensors', request);
    expect((await once(correct as never, 'tensors'))[0]).toMatchObject({ request: 1 });
  });

  it('closes a connection that announces attachments, or sends frames for a namespace that it has not joined', async () => {
    server.of('/control').on('connection', (socket) => socket.on('error', () => {}));
    for (const message of ['51-/control,["x",{"_placeholder":true,"num":0}]', Buffer.alloc(16)]) {
      const client = connect('/control');
      await once(client as never, 'connect');
      client.io.engine.write(message);
      await once(client as never, 'disconnect');
    }
  });
});
