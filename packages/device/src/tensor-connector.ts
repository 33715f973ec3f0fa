import { type AnswerFrame, type FromDevice, TENSOR_EVENT, type ToDevice } from '@sparewheel/protocol';
import type { Clock } from '@sparewheel/runtime/clock';
import { type Connection, reconnectDelayMs } from './connection.ts';

/** Attempts to open a tensor socket before the device uses Socket.IO. */
const ATTEMPTS = 2;
/** A socket that ends before this time counts as a failed attempt: something on the way does not let it live. */
const STABLE_AFTER_MS = 10_000;

/** An open tensor socket. */
export interface TensorSocket {
  /**
   * Sends a message, or drops it if the socket is broken. Throws only UnencodableMessageError.
   * @param frame  already holds the answer; the socket owns it until `sent`
   * @param sent  called once
   */
  send(message: FromDevice, frame: AnswerFrame | null, sent: () => void): void;
  /** Stops or resumes reading. */
  setPaused(paused: boolean): void;
  /** Closes the socket. No event follows. */
  close(): void;
}

export interface TensorSocketEvents {
  opened(): void;
  received(message: ToDevice): void;
  /** The socket ended, or could not be opened. The last event. */
  closed(reason: string): void;
}

/** Opens a tensor socket with a key from the control connection. */
export type OpenTensorSocket = (key: string, events: TensorSocketEvents) => TensorSocket;

export interface TensorConnectorEvents {
  opened(): void;
  received(message: ToDevice): void;
  closed(): void;
  /** The device uses Socket.IO because no tensor socket could be opened. */
  fellBack(reason: string): void;
}

/**
 * Connects the tensors of a device: over a tensor socket where the program can open one, and over the Socket.IO
 * namespace `/tensors` in browsers and where something on the way does not let a tensor socket through. Tensors are
 * connected only while the control connection is.
 */
export class TensorConnector {
  readonly #socketIo: Connection;
  readonly #openSocket: OpenTensorSocket | null;
  readonly #requestKey: () => Promise<string>;
  readonly #events: TensorConnectorEvents;
  readonly #clock: Clock;
  #socket: TensorSocket | null = null;
  #socketOpen = false;
  /** Number of the current control connection. A key or socket of an earlier one is ignored. */
  #epoch = 0;
  #usesSocketIo: boolean;
  #everStable = false;
  /** Failed attempts on this control connection. */
  #failures = 0;
  #partitioned = false;
  #cancelRetry: (() => void) | null = null;

  /** @param openSocket  null if the program cannot open one */
  constructor(parts: {
    readonly socketIo: Connection;
    readonly openSocket: OpenTensorSocket | null;
    readonly requestKey: () => Promise<string>;
    readonly events: TensorConnectorEvents;
    readonly clock: Clock;
  }) {
    this.#socketIo = parts.socketIo;
    this.#openSocket = parts.openSocket;
    this.#requestKey = parts.requestKey;
    this.#events = parts.events;
    this.#clock = parts.clock;
    this.#usesSocketIo = parts.openSocket === null;
    const { socket } = this.#socketIo;
    socket.on('connect', () => this.#events.opened());
    socket.on('disconnect', () => this.#events.closed());
    socket.on(TENSOR_EVENT, (message: ToDevice) => this.#events.received(message));
  }

  get connected(): boolean {
    return this.#socketOpen || this.#socketIo.socket.connected;
  }

  /** Opens Socket.IO at once if nothing else is possible. Tensor sockets wait for the control connection. */
  open(): void {
    if (this.#usesSocketIo) this.#socketIo.open();
  }

  controlConnected(): void {
    this.#epoch++;
    this.#failures = 0;
    if (!this.#usesSocketIo) void this.#connect();
  }

  controlDisconnected(): void {
    this.#epoch++;
    this.#cancelRetry?.();
    this.#closeSocket();
    // A tensor socket has worked before, so the next attempt may succeed. Otherwise each one would cost seconds.
    if (this.#usesSocketIo && this.#everStable) {
      this.#usesSocketIo = false;
      this.#socketIo.close();
    }
  }

  /** Sends a message, or drops it without a connection. @param sent  called when `frame` may be reused */
  send(message: FromDevice, frame: AnswerFrame | null, sent: () => void): void {
    if (this.#socketOpen && !this.#partitioned) {
      this.#socket!.send(message, frame, sent);
      return;
    }
    // Encodes a copy.
    this.#socketIo.send(TENSOR_EVENT, message);
    sent();
  }

  setPartitioned(partitioned: boolean): void {
    this.#partitioned = partitioned;
    this.#socket?.setPaused(partitioned);
    this.#socketIo.setPartitioned(partitioned);
  }

  close(): void {
    this.#epoch++;
    this.#cancelRetry?.();
    this.#closeSocket();
    this.#socketIo.close();
  }

  #closeSocket(): void {
    const wasOpen = this.#socketOpen;
    this.#socket?.close();
    this.#socket = null;
    this.#socketOpen = false;
    if (wasOpen) this.#events.closed();
  }

  async #connect(): Promise<void> {
    const epoch = this.#epoch;
    let key: string;
    try {
      key = await this.#requestKey();
    } catch (error) {
      if (epoch === this.#epoch) this.#failed(`no key: ${(error as Error).message}`);
      return;
    }
    if (epoch !== this.#epoch) return;
    let openedAt = Number.POSITIVE_INFINITY;
    this.#socket = this.#openSocket!(key, {
      opened: () => {
        if (epoch !== this.#epoch) return;
        openedAt = this.#clock.now();
        this.#socketOpen = true;
        this.#socket?.setPaused(this.#partitioned);
        this.#events.opened();
      },
      received: (message) => this.#events.received(message),
      closed: (reason) => {
        if (epoch !== this.#epoch) return;
        this.#socket = null;
        const wasOpen = this.#socketOpen;
        this.#socketOpen = false;
        if (this.#clock.now() - openedAt >= STABLE_AFTER_MS) {
          this.#failures = 0;
          this.#everStable = true;
        }
        if (wasOpen) this.#events.closed();
        this.#failed(reason);
      },
    });
  }

  /** Tries again, or falls back to Socket.IO. */
  #failed(reason: string): void {
    this.#failures++;
    if (this.#failures >= ATTEMPTS) {
      this.#usesSocketIo = true;
      this.#events.fellBack(reason);
      this.#socketIo.open();
      if (this.#partitioned) this.#socketIo.setPartitioned(true);
      return;
    }
    const epoch = this.#epoch;
    this.#cancelRetry = this.#clock.schedule(reconnectDelayMs(this.#failures, Math.random()), () => {
      if (epoch === this.#epoch) void this.#connect();
    });
  }
}
