import type { UiServerEvents, UiSnapshot } from '@sparewheel/protocol';
import { io, type Socket } from 'socket.io-client';
import { applyMessage, firstState, type LiveMessage, type LiveState } from './live-state.ts';

/** How long after a refusal the session is asked for again: the control plane may only have been starting. */
const REFUSED_RETRY_MS = 1_500;

/** Holds what the server last said, for React to subscribe to. One for each page. */
export class LiveStore {
  /** The state of the first paint, on the server and in the browser. */
  readonly first: LiveState;
  #state: LiveState;
  #socket: Socket<UiServerEvents> | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(first: UiSnapshot | null) {
    this.first = firstState(first);
    this.#state = this.first;
  }

  readonly getState = (): LiveState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Connects, and keeps connecting, until the returned function is called. */
  connect(): () => void {
    const socket: Socket<UiServerEvents> = io('/ui', {
      path: '/socket.io',
      transports: ['websocket'],
      reconnectionDelay: 300,
      reconnectionDelayMax: 2_000,
    });
    this.#socket = socket;
    socket.on('snapshot', (snapshot) => this.#apply({ kind: 'snapshot', snapshot }));
    socket.on('devices', (list) => this.#apply({ kind: 'devices', list }));
    socket.on('deployments', (list) => this.#apply({ kind: 'deployments', list }));
    socket.on('models', (list) => this.#apply({ kind: 'models', list }));
    socket.on('latency', (list) => this.#apply({ kind: 'latency', list }));
    socket.on('event', (event) => this.#apply({ kind: 'event', event }));
    socket.on('disconnect', () => this.#down());
    socket.on('connect_error', () => this.#down());
    return () => {
      clearTimeout(this.#retry);
      socket.disconnect();
      this.#socket = null;
    };
  }

  /** After signing in again: the new cookie goes with the next attempt. */
  reconnect(): void {
    clearTimeout(this.#retry);
    this.#apply({ kind: 'connection', connection: 'connecting' });
    this.#socket?.disconnect().connect();
  }

  #down(): void {
    const socket = this.#socket;
    if (socket === null) return;
    if (this.#state.connection !== 'signed-out') this.#apply({ kind: 'connection', connection: 'lost' });
    // Socket.IO tries again by itself unless the server refused or closed: then the session is the question.
    if (!socket.active) void this.#askSession(socket);
  }

  async #askSession(socket: Socket): Promise<void> {
    const answer = await fetch('/api/session', { credentials: 'same-origin' }).catch(() => null);
    if (this.#socket !== socket) return;
    if (answer?.status === 401 || answer?.status === 403) {
      this.#apply({ kind: 'connection', connection: 'signed-out' });
      return;
    }
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => socket.connect(), REFUSED_RETRY_MS);
  }

  #apply(message: LiveMessage): void {
    const state = applyMessage(this.#state, message);
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}
