/** The composition root: makes every part, connects them, starts them in parallel, and stops them in order. */
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DataPlaneLink } from '@sparewheel/data-plane-client';
import { BlobStore, ModelBuilder } from '@sparewheel/model-builder';
import { bracketed, reachable } from '@sparewheel/runtime/addresses';
import type { FastifyInstance } from 'fastify';
import { createApi } from './api/api.ts';
import { Authentication } from './api/authentication.ts';
import type { Configuration } from './configuration.ts';
import { startDataPlaneThread } from './data-plane-thread.ts';
import { openDatabase } from './database/open-database.ts';
import { PrismaStore } from './database/prisma-store.ts';
import type { Store } from './database/store.ts';
import { DEMO_NAME, runDemo } from './demo/demo.ts';
import { Deployments } from './deployments/deployments.ts';
import { EventLog } from './events/event-log.ts';
import { LocalFleet } from './fleet/local-fleet.ts';
import { followDataPlane } from './follow-data-plane.ts';
import { LatencyHistory } from './latency-history.ts';
import { LiveViews } from './live-views.ts';
import { Models } from './models/models.ts';
import type { Tokens } from './tokens.ts';
import { listen, requireFreePort } from './web/listen.ts';
import { preparePages, requireBuiltPages } from './web/pages.ts';
import { UiPush } from './web/ui-push.ts';
import { createWebServer, type WebParts } from './web/web-server.ts';

export interface ControlPlaneOptions {
  readonly configuration: Configuration;
  readonly tokens: Tokens;
  /** The repository's folder. */
  readonly root: string;
  /** Told what the person who started it should know. */
  readonly log: (line: string) => void;
}

interface WebReady {
  readonly resolve: (parts: WebParts) => void;
  readonly reject: (error: Error) => void;
}

/** What was accepted may take this long to finish; a device process to end. */
const DRAIN_MS = 2_500;
const FLEET_END_MS = 2_000;

export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #live = new LiveViews();
  readonly #startedAt = new Date().toISOString();
  readonly #web: Server;
  readonly #webReady: WebReady;
  readonly #blobs: BlobStore;
  readonly #scratch: string;
  readonly #modelBuilder: ModelBuilder;
  readonly #link: DataPlaneLink;
  #store: Store | null = null;
  #events: EventLog | null = null;
  #latencyHistory: LatencyHistory | null = null;
  #fleet: LocalFleet | null = null;
  #api: FastifyInstance | null = null;
  #ui: UiPush | null = null;
  #stopping = false;

  private constructor(options: ControlPlaneOptions) {
    this.#options = options;
    const { configuration, tokens } = options;
    let webReady: WebReady | undefined;
    const ready = new Promise<WebParts>((resolve, reject) => {
      webReady = { resolve, reject };
    });
    // Whoever waits for it hears of it; nobody may be waiting.
    ready.catch(() => {});
    this.#webReady = webReady as WebReady;
    this.#web = createWebServer(ready);
    this.#blobs = new BlobStore(join(configuration.home, 'blobs'));
    this.#scratch = join(configuration.home, 'scratch');
    this.#modelBuilder = ModelBuilder.inThread({ blobs: this.#blobs.directory, scratch: this.#scratch });
    this.#link = new DataPlaneLink(async (port) =>
      startDataPlaneThread({
        host: configuration.host,
        port: port ?? configuration.dataPort,
        joinToken: tokens.join,
        inferToken: tokens.infer,
        operatorToken: tokens.operator,
        blobs: this.#blobs.directory,
        devices: (await this.#store?.devices()) ?? [],
      }),
    );
  }

  /**
   * Starts everything; resolves when the page is served.
   * @throws {StartupError} it cannot, and why; nothing is left running
   */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    const plane = new ControlPlane(options);
    try {
      await plane.#start();
      return plane;
    } catch (error) {
      plane.#webReady.reject(error as Error);
      await plane.stop();
      throw error;
    }
  }

  /** The dashboard's address, for a browser on this machine. */
  get url(): string {
    return `http://${bracketed(reachable(this.#options.configuration.host))}:${this.#port}`;
  }

  /** The data plane's address, for this machine. */
  get inferenceUrl(): string {
    return `http://${bracketed(reachable(this.#options.configuration.host))}:${this.#link.port}`;
  }

  get #port(): number {
    return (this.#web.address() as AddressInfo).port;
  }

  async #start(): Promise<void> {
    const { configuration, root } = this.#options;
    const directory = join(root, 'apps', 'control-plane');
    if (!configuration.development) requireBuiltPages(directory);
    const { host, port, dataPort } = configuration;
    await listen(this.#web, host, port, 'PORT');
    if (dataPort !== 0) {
      // The devices start beside everything else, and try until the data plane listens; but not at a stranger's port.
      await requireFreePort(host, dataPort, 'DATA_PORT');
      this.#startFleet(dataPort);
    }
    await Promise.all([this.#openStore(), this.#openFolders()]);
    // First of all what answers requests; its thread loads while this one prepares the rest.
    await this.#link.start();
    const pages = preparePages({
      directory,
      development: configuration.development,
      hostname: configuration.host,
      port: this.#port,
      server: this.#web,
    });
    // Awaited below; until then its failure is nobody's surprise.
    pages.catch(() => {});
    const store = this.#store as Store;
    const events = await EventLog.open(store);
    this.#events = events;
    this.#latencyHistory = new LatencyHistory(store, this.#live);

    const deployments = new Deployments(
      {
        store,
        modelBuilder: this.#modelBuilder,
        dataPlane: this.#link,
        blobs: this.#blobs,
        events,
        devices: () => this.#live.devices,
        now: () => performance.now(),
      },
      () => this.#ui?.changed(),
    );
    const models = new Models(
      { store, modelBuilder: this.#modelBuilder, events, collectGarbage: () => deployments.collectGarbage() },
      () => this.#ui?.modelsChanged(),
    );
    await deployments.open();
    if (configuration.demo) deployments.announce(DEMO_NAME);
    const listening = followDataPlane(this.#link, {
      live: this.#live,
      deployments,
      events,
      store,
      log: this.#options.log,
      stopping: () => this.#stopping,
      listening: (port) => this.#startFleet(port),
    });
    listening.catch(() => {});
    this.#link.attend();

    const authentication = new Authentication(this.#options.tokens, this.#port);
    const dataPlaneUrl = (hostname: string) =>
      `http://${hostname}:${this.#link.port ?? configuration.dataPort}`;
    this.#ui = new UiPush(this.#web, {
      live: this.#live,
      deployments: () => deployments.views(),
      models: () => models.views(),
      events,
      startedAt: this.#startedAt,
      authentication,
      inferenceUrl: dataPlaneUrl,
    });
    this.#api = await createApi({
      authentication,
      dataPlane: this.#link,
      deployments,
      models,
      events,
      store,
      live: this.#live,
      scratch: this.#scratch,
      startedAt: this.#startedAt,
      inference: { host: reachable(configuration.host), token: this.#options.tokens.operator },
      joinToken: this.#options.tokens.join,
    });
    const api = this.#api;
    await listening;
    this.#webReady.resolve({
      authentication,
      api: (request, response) => api.routing(request, response),
      pages: await pages,
      dataPlaneUrl,
    });
    events.add({
      kind: 'control-plane-started',
      level: 'info',
      message: 'Sparewheel started.',
      device: null,
      deployment: null,
    });
    if (configuration.demo) this.#startDemo(deployments, models);
    this.#modelBuilder.warmUp();
    void deployments.collectGarbage();
  }

  async #openStore(): Promise<void> {
    const { configuration, root } = this.#options;
    const migrations = join(root, 'prisma', 'migrations');
    this.#store = new PrismaStore(await openDatabase(configuration.databaseUrl, migrations, root));
  }

  async #openFolders(): Promise<void> {
    // What an earlier process was in the middle of.
    await rm(this.#scratch, { recursive: true, force: true });
    await mkdir(this.#scratch, { recursive: true });
    await this.#blobs.open();
  }

  #startFleet(port: number): void {
    const { configuration, tokens, log } = this.#options;
    if (configuration.fleet === 0 || this.#fleet !== null || this.#stopping) return;
    this.#fleet = new LocalFleet({
      url: `http://${bracketed(reachable(configuration.host))}:${port}`,
      joinToken: tokens.join,
      count: configuration.fleet,
      home: configuration.home,
      log,
    });
    this.#fleet.start();
  }

  #startDemo(deployments: Deployments, models: Models): void {
    const { tokens, log, configuration } = this.#options;
    runDemo({
      models,
      deployments,
      live: this.#live,
      scratch: this.#scratch,
      fleet: configuration.fleet,
      inferenceUrl: this.inferenceUrl,
      token: tokens.operator,
      log,
      when: (condition) =>
        new Promise((resolve) => {
          const check = () => {
            if (!condition()) return;
            this.#link.off('views', check);
            resolve();
          };
          this.#link.on('views', check);
          check();
        }),
    }).catch((error: Error) => {
      if (!this.#stopping) log(`The demo could not be deployed: ${error.message}`);
    });
  }

  /** Takes no more requests, lets those that were accepted finish, ends every process and thread. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const closed = this.#web.listening ? once(this.#web, 'close') : null;
    this.#web.close();
    this.#web.closeIdleConnections();
    await Promise.all([this.#ui?.close(), this.#link.stop(DRAIN_MS)]);
    await Promise.all([
      this.#fleet?.stop(FLEET_END_MS),
      this.#modelBuilder.close(),
      this.#latencyHistory?.close(),
    ]);
    this.#web.closeAllConnections();
    await closed;
    await this.#api?.close();
    await this.#events?.flush();
    await this.#store?.close();
  }

  /** At once. */
  kill(): void {
    this.#fleet?.kill();
  }
}
