import { type AnswerFrame, type FromDevice, LIMITS, TENSOR_EVENT, type ToDevice } from '@sparewheel/protocol';
import { type Connection, reconnectDelayMs } from './connection.ts';

/** Attempts to open a tensor socket, beyond the first, before the link uses Socket.IO. */
const ATTEMPTS = 1;

/** An open tensor socket. */
export interface TensorSocket {
  /** Sends a message, or the frame that already holds the answer. The socket owns the frame until `sent`. */
  send(message: FromDevice, frame: AnswerFrame | null, sent: () => void): void;
  /** Stops or resumes reading. */
  setPaused(paused: boolean): void;
  /** Closes without a call of `closed`. */
  close(): void;
}

export interface TensorSocketEvents {
  opened(): void;
  received(message: ToDevice): void;
  /** The socket is closed, or could not be opened. */
  closed(reason: string): void;
}

/** Opens a tensor socket with a key from the control connection. Exactly one of `opened` and `closed` follows. */
export type OpenTensorSocket = (key: string, events: TensorSocketEvents) => TensorSocket;

export interface TensorLinkEvents {
  opened(): void;
  received(message: ToDevice): void;
  closed(): void;
}

/**
 * Carries the tensors of a device. Uses a tensor socket where the program can open one, and the Socket.IO namespace
 * `/tensors` in browsers and where a proxy stops the socket. A link is open only while the control connection is.
 */
export class TensorLink {
  readonly #socketIo: Connection;
  readonly #openSocket: OpenTensorSocket | null;
  readonly #requestKey: () => Promise<string>;
  readonly #events: TensorLinkEvents;
  #socket: TensorSocket | null = null;
  #socketOpen = false;
  /** Counts the lives of the control connection, so that a late key belongs to none. */
  #controlLife = 0;
  #controlConnected = false;
  #usesSocketIo: boolean;
  #attempts = 0;
  #partitioned = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** @param openSocket  null if the program cannot open one */
  constructor(parts: {
    readonly socketIo: Connection;
    readonly openSocket: OpenTensorSocket | null;
    readonly requestKey: () => Promise<string>;
    readonly events: TensorLinkEvents;
  }) {
    this.#socketIo = parts.socketIo;
    this.#openSocket = parts.openSocket;
    this.#requestKey = parts.requestKey;
    this.#events = parts.events;
    this.#usesSocketIo = parts.openSocket === null;
    const { socket } = this.#socketIo;
    socket.on('connect', () => this.#events.opened());
    socket.on('disconnect', () => this.#events.closed());
    socket.on(TENSOR_EVENT, (message: ToDevice) => this.#events.received(message));
  }

  get connected(): boolean {
    return this.#socketOpen || this.#socketIo.socket.connected;
  }

  /** Starts at once in a program without tensor sockets, as the control connection does. */
  open(): void {
    if (this.#usesSocketIo) this.#socketIo.open();
  }

  controlConnected(): void {
    this.#controlLife++;
    this.#controlConnected = true;
    this.#attempts = 0;
    if (!this.#usesSocketIo) void this.#connect();
  }

  controlDisconnected(): void {
    this.#controlLife++;
    this.#controlConnected = false;
    clearTimeout(this.#retry);
    this.#closeSocket();
    // The next data plane, or the way to it, may be another one.
    if (this.#openSocket !== null && this.#usesSocketIo) {
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
    this.#controlLife++;
    clearTimeout(this.#retry);
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
    const life = this.#controlLife;
    let key: string;
    try {
      key = await this.#requestKey();
    } catch {
      // Without a key there is no tensor socket.
      if (life === this.#controlLife) this.#fallBack();
      return;
    }
    if (life !== this.#controlLife) return;
    let wasOpen = false;
    this.#socket = this.#openSocket!(key, {
      opened: () => {
        wasOpen = true;
        this.#socketOpen = true;
        this.#attempts = 0;
        this.#socket?.setPaused(this.#partitioned);
        this.#events.opened();
      },
      received: (message) => this.#events.received(message),
      closed: () => {
        if (life !== this.#controlLife) return;
        this.#socket = null;
        this.#socketOpen = false;
        if (wasOpen) this.#events.closed();
        // A key may expire on a busy machine. A proxy refuses every time.
        if (wasOpen || this.#attempts < ATTEMPTS) this.#retryLater();
        else this.#fallBack();
      },
    });
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(
      () => {
        if (this.#controlConnected) void this.#connect();
      },
      reconnectDelayMs(this.#attempts++, Math.random()),
    );
  }

  #fallBack(): void {
    this.#usesSocketIo = true;
    this.#socketIo.open();
    if (this.#partitioned) this.#socketIo.setPartitioned(true);
  }
}

/** How long a data plane may take to issue a key or to answer an upgrade. */
export const TENSOR_SOCKET_TIMEOUT_MS = LIMITS.helloTimeoutMs;
