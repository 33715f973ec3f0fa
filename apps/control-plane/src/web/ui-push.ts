/** The dashboard's live channel: a snapshot on connection, then each list that changed, at most five times a second. */
import type { Server as HttpServer } from 'node:http';
import { type AnswerUpdate, UI_HEARTBEAT_MS, type UiServerEvents } from '@sparewheel/protocol';
import { Server, type Socket } from 'socket.io';
import { type Authentication, isSameOrigin } from '../api/authentication.ts';
import { log } from '../log.ts';
import { hostnameOf } from './first-state.ts';
import { type SnapshotParts, takeSnapshot } from './snapshot.ts';

const INTERVAL_MS = 200;
type ClientEvents = Record<never, never>;

export interface UiPushParts extends SnapshotParts {
  readonly authentication: Authentication;
  /** Time between two heartbeats; `UI_HEARTBEAT_MS` by default. */
  readonly heartbeatMs?: number;
}

export class UiPush {
  readonly #parts: UiPushParts;
  readonly #server: Server<ClientEvents, UiServerEvents>;
  readonly #last = new Map<string, string>();
  readonly #unsubscribe: () => void;
  readonly #heartbeat: NodeJS.Timeout;
  #timer: NodeJS.Timeout | null = null;
  #modelsChanged = false;

  constructor(server: HttpServer, parts: UiPushParts) {
    this.#parts = parts;
    this.#server = new Server(server, {
      path: '/socket.io',
      destroyUpgrade: false,
      serveClient: false,
      perMessageDeflate: false,
    });
    const ui = this.#server.of('/ui');
    ui.use((socket, next) => {
      const refusal = this.#refusal(socket);
      next(
        refusal === null ? undefined : Object.assign(new Error(refusal), { data: { code: 'unauthorized' } }),
      );
    });
    ui.on('connection', (socket) => void this.#welcome(socket));
    this.#unsubscribe = parts.events.subscribe((event) => ui.emit('event', event));
    this.#heartbeat = setInterval(
      () => ui.volatile.emit('heartbeat'),
      parts.heartbeatMs ?? UI_HEARTBEAT_MS,
    ).unref();
  }

  /** Sends what changed, soon. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#flush();
    }, INTERVAL_MS).unref();
  }

  /** Sends the ends of single requests, except to a dashboard that is still receiving earlier ones. */
  answers(update: AnswerUpdate): void {
    this.#server.of('/ui').volatile.emit('answers', update);
  }

  modelsChanged(): void {
    this.#modelsChanged = true;
    this.changed();
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    clearInterval(this.#heartbeat);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#server.disconnectSockets(true);
    // `close()` would also close the HTTP server, which the caller owns.
    this.#server.engine.close();
  }

  #refusal({ handshake }: Socket): string | null {
    const { authentication } = this.#parts;
    const token: unknown = handshake.auth.token;
    if (token !== undefined) {
      return typeof token === 'string' && authentication.roleOf(token) === 'operator'
        ? null
        : 'This token does not open the dashboard.';
    }
    if (!authentication.hasSession(handshake.headers)) return 'Sign in first.';
    // A page of another site, or of another port of this machine, with the operator's cookie.
    const { origin } = handshake.headers;
    return origin === undefined || isSameOrigin(handshake.headers)
      ? null
      : 'Only the dashboard’s own pages may connect.';
  }

  async #welcome(socket: Socket<ClientEvents, UiServerEvents>): Promise<void> {
    try {
      socket.emit('snapshot', await takeSnapshot(this.#parts, hostnameOf(socket.handshake.headers.host)));
    } catch (error) {
      log.error({ err: error }, 'cannot send a snapshot to a dashboard');
      socket.disconnect(true);
    }
  }

  async #flush(): Promise<void> {
    const ui = this.#server.of('/ui');
    // A dashboard that connects later gets a snapshot.
    if (ui.sockets.size === 0) return this.#last.clear();
    const { live, deployments, models } = this.#parts;
    if (this.#isNew('devices', live.devices)) ui.emit('devices', live.devices);
    const views = deployments();
    if (this.#isNew('deployments', views)) ui.emit('deployments', views);
    if (this.#isNew('latency', live.latency)) ui.emit('latency', live.latency);
    if (!this.#modelsChanged) return;
    this.#modelsChanged = false;
    ui.emit('models', await models());
  }

  #isNew(what: string, view: unknown): boolean {
    const text = JSON.stringify(view);
    if (this.#last.get(what) === text) return false;
    this.#last.set(what, text);
    return true;
  }
}
