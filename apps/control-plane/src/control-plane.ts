/** The composition root: creates every part, connects them, starts them in parallel, and stops them in order. */
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { DataPlaneLink } from '@sparewheel/data-plane-client';
import { BlobStore, ModelBuilder } from '@sparewheel/model-builder';
import { DNS_SD_TYPE, type JoinAddressesView, PROTOCOL_VERSION } from '@sparewheel/protocol';
import { bracketed, reachable } from '@sparewheel/runtime/addresses';
import { advertiseService } from '@sparewheel/runtime/dns-sd';
import { processorLimit } from '@sparewheel/runtime/processor-limit';
import type { FastifyInstance } from 'fastify';
import { AgentPackages } from './agent-packages/agent-packages.ts';
import { createApi } from './api/api.ts';
import { Authentication } from './api/authentication.ts';
import { BlobRepair } from './blobs/blob-repair.ts';
import { BlobScrub } from './blobs/blob-scrub.ts';
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
import { log } from './log.ts';
import { Models } from './models/models.ts';
import { NetworkPresets } from './network/network-presets.ts';
import type { Tokens } from './tokens.ts';
import { offerFirstState } from './web/first-state.ts';
import { chooseGrpcPort } from './web/grpc-port.ts';
import { joinAddresses } from './web/join-addresses.ts';
import { seatsOf } from './web/joined-seats.ts';
import { listen, requireFreePort } from './web/listen.ts';
import { preparePages, requireBuiltPages } from './web/pages.ts';
import { takeSnapshot } from './web/snapshot.ts';
import { UiPush } from './web/ui-push.ts';
import { createWebServer, type RequestHandler, type WebParts } from './web/web-server.ts';

export interface ControlPlaneOptions {
  readonly configuration: Configuration;
  readonly tokens: Tokens;
  /** The repository's folder. */
  readonly root: string;
  /** Tells the person who started Sparewheel. */
  readonly log: (line: string) => void;
}

/** What the control plane knows: everything between the database and the interfaces. */
interface State {
  readonly store: Store;
  readonly events: EventLog;
  readonly deployments: Deployments;
  readonly network: NetworkPresets;
  readonly models: Models;
  readonly repair: BlobRepair;
}

/** How long accepted requests may take to finish during a stop. */
const DRAIN_MS = 2_500;
/** How long the device processes may take to end during a stop. */
const FLEET_END_MS = 2_000;

export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  readonly #live = new LiveViews();
  readonly #startedAt = new Date().toISOString();
  readonly #web: Server;
  readonly #webReady = deferred<WebParts>();
  readonly #blobs: BlobStore;
  readonly #scratch: string;
  readonly #modelBuilder: ModelBuilder;
  readonly #link: DataPlaneLink;
  // Set while starting; `stop` ends those that are set.
  #store: Store | null = null;
  #events: EventLog | null = null;
  #latencyHistory: LatencyHistory | null = null;
  #scrub: BlobScrub | null = null;
  #fleet: LocalFleet | null = null;
  #api: FastifyInstance | null = null;
  #ui: UiPush | null = null;
  #withdrawFirstState = (): void => {};
  #endAdvertisement = async (): Promise<void> => {};
  /** Where the data plane opens gRPC; null for nowhere. */
  #grpcPort: number | null = null;
  #stopping = false;

  private constructor(options: ControlPlaneOptions) {
    this.#options = options;
    const { configuration, tokens } = options;
    this.#web = createWebServer(this.#webReady.promise);
    this.#blobs = new BlobStore(join(configuration.home, 'blobs'));
    this.#scratch = join(configuration.home, 'scratch');
    this.#modelBuilder = ModelBuilder.inThread({ blobs: this.#blobs.directory, scratch: this.#scratch });
    this.#link = new DataPlaneLink(async (port) =>
      startDataPlaneThread({
        host: configuration.host,
        port: port ?? configuration.dataPort,
        grpcPort: this.#grpcPort,
        joinToken: tokens.join,
        inferToken: tokens.infer,
        operatorToken: tokens.operator,
        blobs: this.#blobs.directory,
        devices: (await this.#store?.devices()) ?? [],
        // The devices of the local fleet use the other cores.
        threads: Math.max(1, Math.floor((await usableCores()) / (configuration.fleet + 1))),
      }),
    );
  }

  /**
   * Starts everything. Resolves when the pages are served.
   * @throws {StartupError} what prevents the start; nothing is left running
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

  /** The address of inference over gRPC, for this machine; null without gRPC. */
  get grpcAddress(): string | null {
    const { grpcPort } = this.#link;
    if (grpcPort === null) return null;
    return `${bracketed(reachable(this.#options.configuration.host))}:${grpcPort}`;
  }

  /** Returns where other machines reach this one. Networks may change while it runs. */
  joinAddresses(): JoinAddressesView {
    const { host, dataPort } = this.#options.configuration;
    const listener = { host, port: this.#port, dataPort: this.#link.port ?? dataPort };
    return joinAddresses(listener, networkInterfaces());
  }

  get #port(): number {
    return (this.#web.address() as AddressInfo).port;
  }

  async #start(): Promise<void> {
    const { configuration, root } = this.#options;
    const pagesDirectory = join(root, 'apps', 'control-plane');
    if (!configuration.development) requireBuiltPages(pagesDirectory);
    await this.#openPorts();
    const [store] = await Promise.all([this.#openStore(), this.#openFolders()]);
    // The data plane first: its thread loads while this one prepares the rest.
    await this.#link.start();
    const pages = quietly(
      preparePages({
        directory: pagesDirectory,
        development: configuration.development,
        hostname: configuration.host,
        port: this.#port,
        server: this.#web,
      }),
    );

    const state = await this.#openState(store);
    if (configuration.demo) state.deployments.announce(DEMO_NAME);
    const dataPlaneListens = quietly(
      followDataPlane(this.#link, {
        ...state,
        live: this.#live,
        log: this.#options.log,
        stopping: () => this.#stopping,
        listening: (port) => this.#startFleet(port),
      }),
    );
    this.#link.on('blobDamaged', async (sha256) => {
      const problem = await state.repair.repair(sha256);
      // Without a data plane, none waits.
      await this.#link.call({ kind: 'blob-repaired', sha256, problem }).catch(() => {});
    });
    this.#link.on('answers', (update) => this.#ui?.answers(update));
    this.#link.attend();
    const interfaces = await this.#openInterfaces(state);
    await dataPlaneListens;
    this.#webReady.resolve({ ...interfaces, pages: await pages });

    this.#advertise();
    state.events.add({
      kind: 'control-plane-started',
      level: 'info',
      message: 'Sparewheel started.',
      device: null,
      deployment: null,
    });
    if (configuration.demo) this.#startDemo(state);
    this.#modelBuilder.warmUp();
    void state.deployments.collectGarbage();
    this.#scrub = new BlobScrub(state.repair);
  }

  async #openPorts(): Promise<void> {
    const { host, port, dataPort, grpc } = this.#options.configuration;
    await listen(this.#web, host, port, 'PORT');
    this.#grpcPort = await chooseGrpcPort(host, grpc, this.#options.log);
    if (dataPort === 0) return;
    await requireFreePort(host, dataPort, 'DATA_PORT');
    // The devices start now and retry until the data plane listens. They must not connect to another program.
    this.#startFleet(dataPort);
  }

  async #openStore(): Promise<Store> {
    const { configuration, root } = this.#options;
    const migrations = join(root, 'prisma', 'migrations');
    const store = new PrismaStore(await openDatabase(configuration.databaseUrl, migrations, root));
    this.#store = store;
    return store;
  }

  async #openFolders(): Promise<void> {
    // Removes unfinished files of an earlier process.
    await rm(this.#scratch, { recursive: true, force: true });
    await mkdir(this.#scratch, { recursive: true });
    await this.#blobs.open();
  }

  async #openState(store: Store): Promise<State> {
    const modelBuilder = this.#modelBuilder;
    const events = await EventLog.open(store);
    this.#events = events;
    this.#latencyHistory = new LatencyHistory(store, this.#live);
    const now = () => performance.now();
    const network = new NetworkPresets({
      dataPlane: this.#link,
      events,
      devices: () => this.#live.devices,
      now,
    });
    const deployments = new Deployments(
      {
        network: (name) => network.view(name),
        store,
        modelBuilder,
        dataPlane: this.#link,
        blobs: this.#blobs,
        events,
        devices: () => this.#live.devices,
        now,
      },
      () => this.#ui?.changed(),
    );
    const repair = new BlobRepair({ store, modelBuilder, events });
    const models = new Models(
      { store, modelBuilder, events, collectGarbage: () => deployments.collectGarbage() },
      () => this.#ui?.modelsChanged(),
    );
    await deployments.open();
    return { store, events, deployments, network, models, repair };
  }

  /** Opens the admin API, the live channel, and the first state of the pages. */
  async #openInterfaces({
    store,
    events,
    deployments,
    network,
    models,
  }: State): Promise<Omit<WebParts, 'pages'>> {
    const { configuration, tokens, root } = this.#options;
    const live = this.#live;
    const authentication = new Authentication(tokens, this.#port);
    const dataPlaneUrl = (hostname: string) =>
      `http://${hostname}:${this.#link.port ?? configuration.dataPort}`;
    const snapshotParts = {
      live,
      deployments: () => deployments.views(),
      models: () => models.views(),
      events,
      startedAt: this.#startedAt,
      inferenceUrl: dataPlaneUrl,
      grpcAddress: (hostname: string) =>
        this.#link.grpcPort === null ? null : `${hostname}:${this.#link.grpcPort}`,
    };
    this.#ui = new UiPush(this.#web, { ...snapshotParts, authentication });
    this.#withdrawFirstState = offerFirstState(authentication, (hostname) =>
      takeSnapshot(snapshotParts, hostname),
    );
    const app = await createApi({
      authentication,
      dataPlane: this.#link,
      deployments,
      network,
      models,
      events,
      store,
      live,
      scratch: this.#scratch,
      startedAt: this.#startedAt,
      inference: { host: reachable(configuration.host), token: tokens.operator },
      joinToken: tokens.join,
      joinAddresses: () => this.joinAddresses(),
    });
    this.#api = app;
    const api: RequestHandler = (request, response) => app.routing(request, response);
    const joinedSeats = (device: string) =>
      seatsOf(device, deployments.views(), (name) => deployments.record(name).plan);
    return {
      authentication,
      api,
      dataPlaneUrl,
      joinedSeats,
      agentPackages: new AgentPackages(root, join(configuration.home, 'agent-packages')),
      installer: join(root, 'deploy', 'agent', 'install.sh'),
      isConnected: (device) => live.devices.some(({ id, connected }) => id === device && connected),
    };
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

  /** Lets agents of the network find the data plane, if they can reach it. */
  #advertise(): void {
    if (this.joinAddresses().addresses.length === 0) return;
    const port = this.#link.port ?? this.#options.configuration.dataPort;
    const failed = (error: Error) =>
      log.warn(`agents cannot find Sparewheel on the network: ${error.message}`);
    this.#endAdvertisement = advertiseService(
      // Two control planes of one machine need different names.
      {
        name: `Sparewheel on ${hostname()}, port ${this.#port}`,
        type: DNS_SD_TYPE,
        port,
        txt: { protocol: String(PROTOCOL_VERSION), dashboard: String(this.#port) },
      },
      failed,
    );
  }

  #startDemo({ deployments, models }: State): void {
    const { tokens, log, configuration } = this.#options;
    runDemo({
      models,
      deployments,
      live: this.#live,
      scratch: this.#scratch,
      fleet: configuration.fleet,
      twin: configuration.demoTwin,
      inferenceUrl: this.inferenceUrl,
      token: tokens.operator,
      log,
      when: (condition) => this.#whenReported(condition),
    }).catch((error: Error) => {
      if (!this.#stopping) log(`The demo could not be deployed: ${error.message}`);
    });
  }

  /** Resolves when the condition holds. Checks it after each report of the data plane. */
  #whenReported(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return;
        this.#link.off('views', check);
        resolve();
      };
      this.#link.on('views', check);
      check();
    });
  }

  /** Accepts no more requests, finishes those that were accepted, then ends every process and thread. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#withdrawFirstState();
    const closed = this.#web.listening ? once(this.#web, 'close') : null;
    this.#web.close();
    this.#web.closeIdleConnections();
    await Promise.all([this.#ui?.close(), this.#link.stop(DRAIN_MS), this.#endAdvertisement()]);
    this.#scrub?.close();
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

  /** Ends the local devices at once. */
  kill(): void {
    this.#fleet?.kill();
  }
}

/** Marks a promise as handled, because its failure is awaited later. */
/** Returns the cores that this process may use, at least one. */
async function usableCores(): Promise<number> {
  const limit = await processorLimit();
  return limit === null ? availableParallelism() : Math.ceil(limit.cores);
}

function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Returns a promise with the functions that settle it. (Promise.withResolvers needs Node 22.) */
function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = quietly(
    new Promise<T>((settle, fail) => {
      resolve = settle;
      reject = fail;
    }),
  );
  return { promise, resolve, reject };
}
