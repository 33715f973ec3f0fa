import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { decodeFrame, FrameSplitter, LIMITS, TENSOR_SOCKET } from '@sparewheel/protocol';
import type { OutgoingMessage, TensorLink, TensorLinkEvents } from './tensor-link.ts';

const KEEP_ALIVE_MS = 5_000;

/** What Node's HTTP server upgrades: a TCP or TLS socket. */
type UpgradedSocket = Duplex & {
  setNoDelay(on: boolean): void;
  setKeepAlive(on: boolean, delayMs: number): void;
  setTimeout(ms: number): void;
};

interface Pending<Session> {
  readonly session: Session;
  readonly expiresAt: number;
}

/**
 * Accepts tensor sockets. A device asks for a key on its control connection, and opens the socket with it, so that the
 * socket belongs to the session of the control connection. Each key is valid once and for a short time.
 */
export class TensorSockets<Session> {
  readonly #pending = new Map<string, Pending<Session>>();

  /**
   * @param attach  takes the link of a session, and returns its events; null if the session has ended
   * @param refused  reports an upgrade without a valid key
   */
  constructor(
    server: Server,
    attach: (session: Session, link: TensorLink) => TensorLinkEvents | null,
    refused: (message: string) => void,
  ) {
    server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
      if (request.url !== TENSOR_SOCKET.path) return;
      const socket = duplex as UpgradedSocket;
      // An error is always followed by `close`.
      socket.on('error', () => {});
      const key = request.headers[TENSOR_SOCKET.keyHeader];
      const session = typeof key === 'string' ? this.#take(key) : undefined;
      if (request.headers.upgrade !== TENSOR_SOCKET.upgrade || session === undefined) {
        refused('a tensor socket was opened without a valid key');
        return refuse(socket);
      }
      socket.setTimeout(0);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${TENSOR_SOCKET.upgrade}\r\n\r\n`,
      );
      const events = attach(session, new StreamTensorLink(socket));
      if (events === null) socket.destroy();
      else receive(socket, head, events);
    });
  }

  /** Issues the key of a session. It replaces an earlier one. */
  issue(session: Session, now: number): string {
    for (const [key, pending] of this.#pending) {
      if (pending.session === session || pending.expiresAt <= now) this.#pending.delete(key);
    }
    const key = randomBytes(24).toString('base64url');
    this.#pending.set(key, { session, expiresAt: now + LIMITS.tensorKeyMs });
    return key;
  }

  #take(key: string): Session | undefined {
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    return pending !== undefined && performance.now() < pending.expiresAt ? pending.session : undefined;
  }
}

function refuse(socket: UpgradedSocket): void {
  // A peer that does not close its end must not keep the socket.
  socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', () =>
    socket.destroy(),
  );
}

/** Up to this length, a frame's memory is allocated at once. */
const TRUSTED_BYTES = 4 * 1024 * 1024;

/** Not filled with zeros: the frame overwrites it. */
function allocate(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.allocUnsafeSlow(Math.min(bytes, TRUSTED_BYTES)).buffer as ArrayBuffer);
}

function receive(socket: UpgradedSocket, head: Buffer, events: TensorLinkEvents): void {
  const splitter = new FrameSplitter((frame) => events.received(decodeFrame(frame)), allocate);
  const push = (bytes: Buffer): void => {
    if (socket.destroyed) return;
    try {
      splitter.push(bytes);
    } catch (error) {
      socket.destroy();
      events.malformed(error);
    }
  };
  socket.on('data', push);
  socket.on('end', () => socket.end());
  socket.on('close', () => events.closed('its connection broke'));
  if (head.byteLength > 0) push(head);
}

/** Tensors over a byte stream. */
class StreamTensorLink implements TensorLink {
  readonly boundToControl = true;
  readonly #socket: UpgradedSocket;

  constructor(socket: UpgradedSocket) {
    this.#socket = socket;
  }

  send(message: OutgoingMessage): void {
    const { parts } = message;
    if (this.#socket.destroyed) return;
    if (parts.length === 1) {
      this.#socket.write(parts[0]!);
      return;
    }
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  close(): void {
    this.#socket.destroy();
  }
}
