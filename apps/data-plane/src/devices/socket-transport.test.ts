import { transportContract } from '@sparewheel/coordinator/testing/transport-contract';
import {
  type ComputeRequest,
  decodeFrame,
  type FromDevice,
  LIMITS,
  TENSOR_EVENT,
  type ToDevice,
} from '@sparewheel/protocol';
import { Access } from '@sparewheel/runtime/access';
import { expect, it } from 'vitest';
import { Listener } from '../listener.ts';
import { deviceSockets, helloOf } from '../testing/scripted-device.ts';
import { TEST_TOKENS } from '../testing/test-plane.ts';
import { DeviceGateway } from './gateway/device-gateway.ts';
import { DeviceRegistry } from './gateway/device-registry.ts';
import { SocketTransport } from './socket-transport.ts';

const REQUEST: ComputeRequest = {
  kind: 'compute',
  request: 7,
  task: 3,
  tensors: [{ type: 'float32', dims: [2], data: Float32Array.of(1, 2) }],
};

/** Resolves waiters by device. */
class Waiters {
  readonly #waiting = new Map<string, () => void>();

  until(device: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(device, resolve));
  }

  resolve(device: string): void {
    this.#waiting.get(device)?.();
  }
}

/** The production path: the port of the data plane, the gateway, and two sockets per device. */
async function overSockets() {
  const access = new Access(TEST_TOKENS);
  const backend = { model: () => null, ready: () => true, infer: () => Promise.reject(new Error('unused')) };
  const listener = new Listener({ access, version: 'test', backend });
  const connected = new Waiters();
  const disconnected = new Waiters();
  const rejections: string[] = [];
  let received = (_device: string, _message: FromDevice): void => {};
  const gateway = new DeviceGateway(listener.io, access, new DeviceRegistry([]), {
    connected: (device) => connected.resolve(device),
    disconnected: (device) => disconnected.resolve(device),
    received: (device, message) => received(device, message),
    known: () => {},
    refused: (_device, message) => rejections.push(message),
    changed: () => {},
  });
  const transport = new SocketTransport({
    sink: (device) => gateway.tensorsSocket(device)?.conn,
    refused: (_device, message) => rejections.push(JSON.stringify(message)),
  });
  const url = `http://127.0.0.1:${await listener.listen('127.0.0.1', 0)}`;
  const closers: (() => void)[] = [];

  return {
    transport,
    async connect(device: string) {
      const { control, tensors } = deviceSockets(url, { id: device });
      const close = (): void => {
        control.disconnect();
        tensors.disconnect();
      };
      closers.push(close);
      const messages: ToDevice[] = [];
      let arrived: (() => void) | null = null;
      tensors.on(TENSOR_EVENT, (message: ToDevice) => {
        messages.push(message);
        arrived?.();
      });
      control.on('connect', () => control.emit('hello', helloOf(device), () => {}));
      await connected.until(device);
      return {
        async next(): Promise<ToDevice> {
          while (messages.length === 0) {
            await new Promise<void>((resolve) => {
              arrived = resolve;
            });
          }
          return messages.shift()!;
        },
        send: (message: FromDevice): void => void tensors.emit(TENSOR_EVENT, message),
        async disconnect(): Promise<void> {
          const gone = disconnected.until(device);
          close();
          await gone;
        },
      };
    },
    onMessage(listen: (device: string, message: FromDevice) => void): void {
      received = listen;
    },
    async close(): Promise<void> {
      for (const close of closers) close();
      await listener.close();
      expect(rejections).toEqual([]);
    },
  };
}

transportContract('the socket transport over real sockets', overSockets);

function recorded(connected: readonly string[]) {
  const written: [string, Uint8Array][] = [];
  const refused: [string, FromDevice][] = [];
  const transport = new SocketTransport({
    sink: (device) =>
      connected.includes(device) ? { write: (frame) => written.push([device, frame]) } : undefined,
    refused: (device, message) => refused.push([device, message]),
  });
  return { transport, written, refused };
}

it('encodes a request once for all connected devices', () => {
  const { transport, written, refused } = recorded(['a', 'c']);
  transport.scatter(['a', 'b', 'c'], REQUEST);
  expect(written.map(([device]) => device)).toEqual(['a', 'c']);
  expect(written[0]![1]).toBe(written[1]![1]);
  expect(decodeFrame(written[0]![1])).toEqual(REQUEST);
  expect(refused).toEqual([]);
});

it('answers a message that cannot be encoded with one refusal per device, after the call', async () => {
  const { transport, written, refused } = recorded(['a', 'b']);
  const tooMany = Array.from({ length: LIMITS.tensorsPerFrame + 1 }, () => REQUEST.tensors[0]!);
  transport.scatter(['a', 'b'], { ...REQUEST, tensors: tooMany });
  expect(refused).toEqual([]);
  await Promise.resolve();
  expect(written).toEqual([]);
  expect(refused.map(([device, { kind, request, task }]) => [device, kind, request, task])).toEqual([
    ['a', 'refusal', 7, 3],
    ['b', 'refusal', 7, 3],
  ]);
});
