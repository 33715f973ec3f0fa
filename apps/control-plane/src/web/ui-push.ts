/** The dashboard's live channel: everything on connection, then what changed, at most five times a second. */
import type { Server as HttpServer } from 'node:http';
import type { DeploymentView, ModelView, UiServerEvents } from '@sparewheel/protocol';
import { Server, type Socket } from 'socket.io';
import { type Authentication, isSameOrigin } from '../api/authentication.ts';
import type { EventLog } from '../events/event-log.ts';
import type { LiveViews } from '../live-views.ts';

export interface UiPushParts {
  readonly live: LiveViews;
  readonly deployments: () => readonly DeploymentView[];
  readonly models: () => Promise<readonly ModelView[]>;
  readonly events: EventLog;
  readonly startedAt: string;
  readonly authentication: Authentication;
  /** @param hostname  by which the browser reached us */
  readonly inferenceUrl: (hostname: string) => string;
}

const INTERVAL_MS = 200;
const SNAPSHOT_EVENTS = 200;
type ClientEvents = Record<never, never>;

export class UiPush {
  readonly #parts: UiPushParts;
  readonly #server: Server<ClientEvents, UiServerEvents>;
  readonly #last = new Map<string, string>();
  readonly #unsubscribe: () => void;
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
        refusal === null ? undefined : Object.assign(new Error(refusal), { data: { code: 'unauthorised' } }),
      );
    });
    ui.on('connection', (socket) => void this.#welcome(socket));
    this.#unsubscribe = parts.events.subscribe((event) => ui.emit('event', event));
  }

  /** Something that the dashboard shows may have changed. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#flush();
    }, INTERVAL_MS).unref();
  }

  modelsChanged(): void {
    this.#modelsChanged = true;
    this.changed();
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#server.disconnectSockets(true);
    // Not `close()`: that would close the HTTP server as well, which belongs to somebody else.
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
    const { live, deployments, models, events, startedAt, inferenceUrl } = this.#parts;
    try {
      const [modelViews, recent] = await Promise.all([models(), events.query({ limit: SNAPSHOT_EVENTS })]);
      const host = socket.handshake.headers.host ?? 'localhost';
      socket.emit('snapshot', {
        devices: live.devices,
        deployments: deployments(),
        models: modelViews,
        latency: live.latency,
        events: recent,
        startedAt,
        inferenceUrl: inferenceUrl(new URL(`http://${host}`).hostname),
      });
    } catch (error) {
      console.error('A dashboard could not be served:', error);
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
