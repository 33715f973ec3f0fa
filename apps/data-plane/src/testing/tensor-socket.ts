import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import {
  decodeFrame,
  encodeForStream,
  FrameSplitter,
  type FromDevice,
  parseTensorKey,
  TENSOR_SOCKET,
  type ToDevice,
} from '@sparewheel/protocol';
import type { Socket } from 'socket.io-client';

/** The device's end of a tensor socket. */
export interface TensorSocketEnd {
  readonly socket: TcpSocket;
  send(message: FromDevice): void;
  /** Resolves when the data plane has closed the socket. */
  readonly closed: Promise<unknown>;
}

/** Asks for a key on a connected control connection. */
export async function tensorKey(control: Socket): Promise<string> {
  return parseTensorKey(await control.timeout(5_000).emitWithAck('tensor-key')).key;
}

/**
 * Opens a tensor socket.
 * @throws {Error} with the status, if the data plane refuses
 */
export async function openTensorSocket(
  url: string,
  key: string,
  received: (message: ToDevice) => void = () => {},
  path: string = TENSOR_SOCKET.path,
): Promise<TensorSocketEnd> {
  const upgrade = request(`${url}${path}`, {
    headers: { connection: 'upgrade', upgrade: TENSOR_SOCKET.upgrade, [TENSOR_SOCKET.keyHeader]: key },
  });
  upgrade.end();
  const [response, socket, head] = await new Promise<[IncomingMessage, TcpSocket, Buffer]>(
    (resolve, reject) => {
      upgrade.on('upgrade', (...upgraded: [IncomingMessage, TcpSocket, Buffer]) => resolve(upgraded));
      upgrade.on('response', ({ statusCode }) => reject(new Error(`status ${statusCode}`)));
      upgrade.on('error', reject);
    },
  );
  if (response.statusCode !== 101) throw new Error(`status ${response.statusCode}`);
  const splitter = new FrameSplitter((frame) => received(decodeFrame(frame) as ToDevice));
  socket.on('error', () => {});
  if (head.byteLength > 0) splitter.push(head);
  socket.on('data', (bytes: Buffer) => splitter.push(bytes));
  return {
    socket,
    send(message) {
      for (const part of encodeForStream(message)) socket.write(part);
    },
    closed: once(socket, 'close'),
  };
}
