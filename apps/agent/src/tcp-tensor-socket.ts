import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { BufferPool, OpenTensorSocket, TensorSocketEvents } from '@sparewheel/device';
import {
  type AnswerFrame,
  decodeFrame,
  encodeForStream,
  FrameSplitter,
  type FromDevice,
  LIMITS,
  parseToDevice,
  TENSOR_SOCKET,
} from '@sparewheel/protocol';

const READ_BUFFER_BYTES = 64 * 1024;
const RESPONSE_HEAD_BYTES = 8 * 1024;
const KEEP_ALIVE_MS = 5_000;
const END_OF_HEAD = '\r\n\r\n';

/**
 * Opens tensor sockets over TCP, or over TLS if the data plane's address is `https:`. Received bytes go through one
 * buffer into frames of the pool: buffers that Node allocates per read would cost full garbage collections.
 * @param url  origin of the data plane
 */
export function tcpTensorSockets(url: string, pool: BufferPool): OpenTensorSocket {
  const { protocol, hostname, port } = new URL(url);
  const tls = protocol === 'https:';
  const host = hostname.replace(/^\[|\]$/g, '');
  return (key, events) => {
    const reader = new TensorReader(events, pool);
    const target = { host, port: Number(port || (tls ? 443 : 80)) };
    const socket: Socket = tls
      ? connectTls(isIP(host) === 0 ? { ...target, servername: host } : target).on('data', (bytes: Buffer) =>
          reader.push(bytes),
        )
      : connectTcp({
          ...target,
          onread: {
            buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
            callback(count, buffer) {
              reader.push(buffer.subarray(0, count));
              return true;
            },
          },
        });
    reader.failed = (reason) => socket.destroy(new Error(reason));
    let ended = false;
    const close = (reason: string | null) => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      socket.destroy();
      if (reason !== null) events.closed(reason);
    };
    const timer = setTimeout(() => close('no answer to the upgrade'), LIMITS.tensorSocketMs);
    reader.opened = () => clearTimeout(timer);
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on('error', (error) => close(error.message));
    socket.on('close', () => close('the connection ended'));
    socket.on(tls ? 'secureConnect' : 'connect', () => socket.write(upgradeRequest(host, target.port, key)));
    return {
      send: (message, frame, sent) => write(socket, message, frame, sent),
      setPaused: (paused) => void (paused ? socket.pause() : socket.resume()),
      close: () => close(null),
    };
  };
}

function upgradeRequest(host: string, port: number, key: string): string {
  return [
    `GET ${TENSOR_SOCKET.path} HTTP/1.1`,
    `Host: ${host.includes(':') ? `[${host}]` : host}:${port}`,
    'Connection: Upgrade',
    `Upgrade: ${TENSOR_SOCKET.upgrade}`,
    `${TENSOR_SOCKET.keyHeader}: ${key}`,
    END_OF_HEAD.slice(2),
  ].join('\r\n');
}

function write(socket: Socket, message: FromDevice, frame: AnswerFrame | null, sent: () => void): void {
  if (frame !== null && message.kind === 'answer') {
    socket.write(frame.finish(message, message.computeMicros), sent);
    return;
  }
  socket.cork();
  for (const part of encodeForStream(message)) socket.write(part);
  socket.uncork();
  sent();
}

/** Reads the response to the upgrade, then messages. */
class TensorReader {
  failed: (reason: string) => void = () => {};
  opened: () => void = () => {};
  readonly #events: TensorSocketEvents;
  readonly #splitter: FrameSplitter;
  /** The response so far; null after its end. */
  #head: Buffer | null = Buffer.alloc(0);
  #broken = false;

  constructor(events: TensorSocketEvents, pool: BufferPool) {
    this.#events = events;
    this.#splitter = new FrameSplitter(
      (frame) => events.received(parseToDevice(decodeFrame(frame))),
      (bytes) => new Uint8Array(pool.take(bytes)),
    );
  }

  push(bytes: Uint8Array): void {
    if (this.#broken) return;
    try {
      const rest = this.#head === null ? bytes : this.#readHead(bytes);
      if (rest !== null && rest.byteLength > 0) this.#splitter.push(rest);
    } catch (error) {
      this.#broken = true;
      this.failed(error instanceof Error ? error.message : String(error));
    }
  }

  /** Returns the bytes after the response, or null before its end. @throws {Error} the upgrade is refused */
  #readHead(bytes: Uint8Array): Uint8Array | null {
    const received = Buffer.concat([this.#head!, bytes]);
    const end = received.indexOf(END_OF_HEAD);
    if (end < 0) {
      if (received.byteLength > RESPONSE_HEAD_BYTES)
        throw new Error('the response to the upgrade is too long');
      this.#head = received;
      return null;
    }
    const status = received.toString('latin1', 0, received.indexOf('\r\n'));
    if (!/^HTTP\/1\.1 101\b/.test(status)) throw new Error(`the upgrade was answered with '${status}'`);
    this.#head = null;
    this.opened();
    this.#events.opened();
    return received.subarray(end + END_OF_HEAD.length);
  }
}
