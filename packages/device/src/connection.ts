import { frameParser, LIMITS } from '@sparewheel/protocol';
import { io, type Socket } from 'socket.io-client';
import { cutOff, type TransportSocket } from './cut-off.ts';

/**
 * One Socket.IO connection to the data plane, over WebSocket, with one frame per tensor message. Comes back by itself
 * for as long as it is open, and can be cut off from the network without being closed.
 */
export class Connection {
  readonly socket: Socket;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #attempts = 0;
  #partitioned = false;
  /** Lets through again what a partition cut off. */
  #reconnectNetwork: (() => void) | null = null;
  #closed = false;

  constructor(url: string, namespace: string, auth: object) {
    this.socket = io(`${url}${namespace}`, {
      parser: frameParser,
      transports: ['websocket'],
      // Each namespace a connection of its own: a shard transfer must not delay an answer.
      forceNew: true,
      autoConnect: false,
      // Socket.IO's own reconnection gives up where the server said no, and cannot be held back by a partition.
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
    this.socket.connect();
  }

  /**
   * Sends, or drops where nothing can be sent: Socket.IO would keep messages for the next connection, whose other end
   * never asked for them.
   */
  send(event: string, ...parameters: unknown[]): void {
    if (this.socket.connected && !this.#partitioned) this.socket.emit(event, ...parameters);
  }

  /** Connected, but nothing gets through in either direction, pings included; no new connection either. */
  setPartitioned(partitioned: boolean): void {
    this.#partitioned = partitioned;
    if (partitioned) {
      if (!this.socket.connected) this.socket.disconnect();
      const engine = this.socket.io.engine as { transport?: { ws?: TransportSocket } } | undefined;
      const socket = engine?.transport?.ws;
      if (socket !== undefined) this.#reconnectNetwork = cutOff(socket);
    } else {
      // Even where the connection was given up meanwhile, what is left of it must drain to be closed.
      this.#reconnectNetwork?.();
      this.#reconnectNetwork = null;
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
 * Doubles from LIMITS.reconnectMinMs to LIMITS.reconnectMaxMs; of that, a random half is left out, so that a fleet
 * that lost its data plane does not return in one instant.
 * @param random  uniform in [0, 1)
 */
export function reconnectDelayMs(attempts: number, random: number): number {
  const ceiling = Math.min(LIMITS.reconnectMaxMs, LIMITS.reconnectMinMs * 2 ** Math.min(attempts, 30));
  return ceiling * (1 - random / 2);
}
