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
import { openTensorSocket, tensorKey } from '../testing/tensor-socket.ts';
import { TEST_TOKENS } from '../testing/test-plane.ts';
import { DeviceGateway } from './gateway/device-gateway.ts';
import { DeviceRegistry } from './gateway/device-registry.ts';
import type { OutgoingMessage } from './gateway/tensor-link.ts';
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

/** Connects a device. Sends its hello. */
type OpenDevice = (
  url: string,
  device: string,
  received: (message: ToDevice) => void,
) => Promise<{ send(message: FromDevice): void; close(): void }>;

const overSocketIo: OpenDevice = async (url, device, received) => {
  const { control, tensors } = deviceSockets(url, { id: device });
  tensors.on(TENSOR_EVENT, received);
  control.on('connect', () => control.emit('hello', helloOf(device), () => {}));
  return {
    send: (message) => void tensors.emit(TENSOR_EVENT, message),
    close() {
      control.disconnect();
      tensors.disconnect();
    },
  };
};

const overTensorSocket: OpenDevice = async (url, device, received) => {
  const { control, tensors } = deviceSockets(url, { id: device });
  tensors.disconnect();
  await new Promise<void>((resolve) => control.once('connect', resolve));
  const end = await openTensorSocket(url, await tensorKey(control), received);
  control.emit('hello', helloOf(device), () => {});
  return {
    send: end.send,
    close() {
      control.disconnect();
    },
  };
};

/** The production path: the port of the data plane, the gateway, and two connections per device. */
async function overSockets(open: OpenDevice) {
  const access = new Access(TEST_TOKENS);
  const backend = {
    model: () => null,
    models: () => [],
    ready: () => true,
    infer: () => Promise.reject(new Error('unused')),
  };
  const listener = new Listener({ access, version: 'test', backend });
  const connected = new Waiters();
  const disconnected = new Waiters();
  const rejections: string[] = [];
  let received = (_device: string, _message: FromDevice): void => {};
  const gateway = new DeviceGateway(listener.server, listener.io, access, new DeviceRegistry([]), {
    connected: (device) => connected.resolve(device),
    disconnected: (device) => disconnected.resolve(device),
    received: (device, message) => received(device, message),
    computing: () => {},
    known: () => {},
    refused: (_device, message) => rejections.push(message),
    changed: () => {},
  });
  const transport = new SocketTransport({
    link: (device) => gateway.tensorLink(device),
    refused: (_device, message) => rejections.push(JSON.stringify(message)),
  });
  const url = `http://127.0.0.1:${await listener.listen('127.0.0.1', 0)}`;
  const closers: (() => void)[] = [];

  return {
    transport,
    async connect(device: string) {
      const messages: ToDevice[] = [];
      let arrived: (() => void) | null = null;
      const up = connected.until(device);
      const end = await open(url, device, (message) => {
        messages.push(message);
        arrived?.();
      });
      closers.push(end.close);
      await up;
      return {
        async next(): Promise<ToDevice> {
          while (messages.length === 0) {
            await new Promise<void>((resolve) => {
              arrived = resolve;
            });
          }
          return messages.shift()!;
        },
        send: end.send,
        async disconnect(): Promise<void> {
          const gone = disconnected.until(device);
          end.close();
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

transportContract('the socket transport over Socket.IO', () => overSockets(overSocketIo));
transportContract('the socket transport over tensor sockets', () => overSockets(overTensorSocket));

function recorded(connected: readonly string[]) {
  const written: [string, Uint8Array][] = [];
  const refused: [string, FromDevice][] = [];
  const transport = new SocketTransport({
    link: (device) =>
      connected.includes(device)
        ? { send: ({ frame }: OutgoingMessage) => written.push([device, frame]) }
        : undefined,
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
