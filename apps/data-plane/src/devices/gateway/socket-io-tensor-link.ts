import type { SocketIoTensors } from './device-session.ts';
import type { OutgoingMessage, TensorLink } from './tensor-link.ts';

/** Tensors over the Socket.IO namespace. Writes frames below its packets, so that one frame serves all devices. */
export class SocketIoTensorLink implements TensorLink {
  readonly boundToControl = false;
  readonly #socket: SocketIoTensors;

  constructor(socket: SocketIoTensors) {
    this.#socket = socket;
  }

  send(message: OutgoingMessage): void {
    this.#socket.conn.write(message.frame as Buffer);
  }

  close(): void {
    this.#socket.disconnect(true);
  }
}
