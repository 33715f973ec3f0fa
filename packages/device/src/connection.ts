import { frameParser, LIMITS } from '@sparewheel/protocol';
import { io, type Socket } from 'socket.io-client';

/**
 * One Socket.IO connection to the data plane over WebSocket, with one frame per tensor message. Reconnects
 * until it is closed. Can emulate a network partition without closing the socket.
 */
export class Connection {
  readonly socket: Socket;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #attempts = 0;
  #partitioned = false;
  /** Ends the partition of the current WebSocket; null without a partition. */
  #resumeReceiving: (() => void) | null = null;
  /** Until it is opened, and after it is closed. */
  #closed = true;

  constructor(url: string, namespace: string, auth: object) {
    this.socket = io(`${url}${namespace}`, {
      parser: frameParser,
      transports: ['websocket'],
      // One connection per namespace: a shard transfer must not delay an answer.
      forceNew: true,
      autoConnect: false,
      // Socket.IO stops reconnecting after the server refuses, and a partition could not suspend it.
      reconnection: false,
      timeout: LIMITS.helloTimeoutMs,
      auth: { ...auth },
    });
    this.socket.on('connect', () => {
      this.#attempts = 0;
    });
    this.socket.on('connect_error', () => this.#reconnectLater());
    this.socket.on('disconnect', () => this.#reconnectLater());
  }

  open(): void {
    this.#closed = false;
    this.socket.connect();
  }

  /**
   * Sends a message, or drops it without a connection. Socket.IO would buffer it and deliver it on the next
   * connection, where the data plane does not expect it.
   */
  send(event: string, ...parameters: unknown[]): void {
    if (this.socket.connected && !this.#partitioned) this.socket.emit(event, ...parameters);
  }

  /**
   * Sends an event and waits for its acknowledgment.
   * @throws {Error} there is no connection, or no acknowledgment in time
   */
  async request(event: string, timeoutMs: number): Promise<unknown> {
    if (!this.socket.connected || this.#partitioned) throw new Error('not connected');
    return this.socket.timeout(timeoutMs).emitWithAck(event);
  }

  /** Starts or ends a partition: nothing is sent or received, pings included, and nothing reconnects. */
  setPartitioned(partitioned: boolean): void {
    this.#partitioned = partitioned;
    if (partitioned) {
      if (!this.socket.connected) this.socket.disconnect();
      const engine = this.socket.io.engine as { transport?: { ws?: TransportSocket } } | undefined;
      const socket = engine?.transport?.ws;
      if (socket !== undefined) this.#resumeReceiving = pauseReceiving(socket);
    } else {
      // Needed also if the connection was lost during the partition: a paused socket cannot finish closing.
      this.#resumeReceiving?.();
      this.#resumeReceiving = null;
      if (!this.socket.connected && !this.#closed) this.socket.connect();
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.socket.disconnect();
  }

  #reconnectLater(): void {
    if (this.#closed || this.#partitioned || this.#timer !== null) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        if (!this.#closed && !this.#partitioned) this.socket.connect();
      },
      reconnectDelayMs(this.#attempts, Math.random()),
    );
    this.#attempts++;
  }
}

/**
 * Returns the backoff before a reconnection. The delay doubles from LIMITS.reconnectMinMs up to
 * LIMITS.reconnectMaxMs. Up to half of it is subtracted at random, so that a fleet does not reconnect all at
 * once.
 * @param attempts  failed attempts so far
 * @param random  uniform in [0, 1)
 */
export function reconnectDelayMs(attempts: number, random: number): number {
  const ceiling = Math.min(LIMITS.reconnectMaxMs, LIMITS.reconnectMinMs * 2 ** Math.min(attempts, 30));
  return ceiling * (1 - random / 2);
}

/** The WebSocket under engine.io's transport. Only the one of `ws` on Node has `pause` and `resume`. */
export interface TransportSocket {
  pause?(): void;
  resume?(): void;
  onmessage?: ((event: { data: unknown }) => void) | null;
}

/**
 * Stops receiving on a socket without closing it. A browser's socket cannot pause, so its messages are
 * buffered. They are few: the data plane stops sending when it notices the missing pongs.
 * @returns resumes receiving; buffered messages are delivered first, in order
 */
export function pauseReceiving(socket: TransportSocket): () => void {
  if (socket.pause !== undefined) {
    socket.pause();
    return () => socket.resume?.();
  }
  const deliver = socket.onmessage;
  const buffered: { data: unknown }[] = [];
  socket.onmessage = (event) => buffered.push(event);
  return () => {
    socket.onmessage = deliver ?? null;
    for (const event of buffered) deliver?.(event);
  };
}
