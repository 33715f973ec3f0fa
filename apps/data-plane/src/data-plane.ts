import { randomInt } from 'node:crypto';
import { Coordinator, CoordinatorError, type CoordinatorEvent } from '@sparewheel/coordinator';
import type {
  DataPlaneCall,
  DataPlaneMessage,
  DataPlaneMetrics,
  DataPlaneOptions,
  DataPlaneReplies,
  FaultEvent,
} from '@sparewheel/data-plane-client';
import { createServingEngine, type Engine } from '@sparewheel/engine';
import { Access } from '@sparewheel/runtime/access';
import { reachable } from '@sparewheel/runtime/addresses';
import { systemClock } from '@sparewheel/runtime/clock';
import { DeviceFaults } from './devices/device-faults.ts';
import { Distributor } from './devices/distribution/distributor.ts';
import { DeviceGateway } from './devices/gateway/device-gateway.ts';
import { DeviceRegistry } from './devices/gateway/device-registry.ts';
import { Supervisors } from './devices/gateway/supervisors.ts';
import { OutgoingMessage } from './devices/gateway/tensor-link.ts';
import { LinkProbe } from './devices/link-probe.ts';
import { Membership } from './devices/membership.ts';
import { SocketTransport } from './devices/socket-transport.ts';
import type { GrpcServer } from './grpc/grpc-server.ts';
import { toApiError } from './inference/coordinator-errors.ts';
import type { V2ServerOptions } from './inference/v2-server.ts';
import { IntactBlobs } from './intact-blobs.ts';
import { AnswerFeed } from './latency/answer-feed.ts';
import { grpcListenError, Listener } from './listener.ts';
import { EngineCompute } from './local-compute.ts';
import { log } from './log.ts';
import { RequestErrorLog } from './request-error-log.ts';
import { ServedDeployments } from './served-deployments.ts';
import { ViewFeed } from './view-feed.ts';

const VERSION = '0.1.0';
/**
 * Bound of the random first task and request numbers. Answers to an earlier process then match no request.
 */
const FIRST_NUMBERS = 2 ** 30;

/**
 * The composition root of the data plane: connects the coordinator to real sockets, engines, files and
 * clocks. Runs in a worker thread in production, and in the main thread in tests.
 */
export class DataPlane {
  readonly #post: (message: DataPlaneMessage) => void;
  readonly #compute: EngineCompute;
  readonly #registry: DeviceRegistry;
  readonly #listener: Listener;
  readonly #supervisors: Supervisors;
  readonly #faults: DeviceFaults;
  readonly #membership: Membership;
  readonly #distributor: Distributor;
  readonly #coordinator: Coordinator;
  readonly #deployments: ServedDeployments;
  readonly #feed: ViewFeed;
  readonly #answers: AnswerFeed;
  readonly #inference: V2ServerOptions;
  #grpc: GrpcServer | null = null;
  #port = 0;
  readonly #blobs: IntactBlobs;
  #grpcPort: number | null = null;

  /**
   * Opens the ports and serves.
   * @param post  sends a message to the main thread
   * @param createEngine  called twice: for local steps, and for rescues
   * @throws {ListenError} a port cannot be opened
   * @throws {EngineError} no engine runs on this machine
   */
  static async start(
    options: DataPlaneOptions,
    post: (message: DataPlaneMessage) => void,
    createEngine = (): Promise<Engine> => createServingEngine({ intraOpNumThreads: options.threads ?? 1 }),
  ): Promise<DataPlane> {
    const [steps, rescues] = await Promise.all([createEngine(), createEngine()]);
    if (steps.backend === 'wasm')
      log.warn('ONNX Runtime has no native binary for this platform; WebAssembly is slower');
    const blobs = new IntactBlobs(options.blobs, (sha256) => post({ kind: 'blob-damaged', sha256 }));
    const compute = new EngineCompute(options.blobs, blobs, { steps, rescues });
    const plane = new DataPlane(options, post, { blobs, compute });
    try {
      plane.#port = await plane.#listener.listen(options.host, options.port);
      await plane.#openGrpc(options);
    } catch (error) {
      await plane.#listener.close();
      await plane.#compute.close();
      throw error;
    }
    plane.#feed.start();
    plane.#answers.start();
    return plane;
  }

  private constructor(
    options: DataPlaneOptions,
    post: (message: DataPlaneMessage) => void,
    { blobs, compute }: { readonly blobs: IntactBlobs; readonly compute: EngineCompute },
  ) {
    this.#post = post;
    this.#blobs = blobs;
    this.#compute = compute;
    const access = new Access(options);
    const errors = new RequestErrorLog(() => performance.now(), log);
    const changed = (): void => this.#feed.changed();
    const refused = (device: string | null, message: string): void =>
      this.#emit({ kind: 'device-refused', device, message });

    this.#inference = {
      access,
      version: VERSION,
      onInternalError: (error) => errors.report(error),
      backend: {
        model: (name) => this.#deployments.model(name),
        models: () => this.#deployments.models(),
        ready: () => this.#deployments.ready,
        infer: (name, feeds, inferOptions) => this.#deployments.infer(name, feeds, inferOptions),
      },
    };
    this.#listener = new Listener(this.#inference);
    const { io, server } = this.#listener;
    const registry = new DeviceRegistry(options.devices);
    this.#registry = registry;
    const gateway = new DeviceGateway(server, io, access, registry, {
      connected: (device, hello) => {
        this.#faults.connected(device);
        this.#distributor.deviceHolds(device, hello.held);
        this.#coordinator.deviceConnected(device);
        if (hello.profile) links.connected(device);
      },
      disconnected: (device, reason) => {
        links.disconnected(device);
        this.#coordinator.deviceDisconnected(device, reason);
      },
      received: (device, message) => {
        if (!links.received(device, message)) this.#coordinator.receive(device, message);
      },
      computing: (device, computations) => this.#coordinator.reportComputing(device, computations),
      known: (device) => post({ kind: 'device-known', device }),
      refused,
      changed,
    });
    const links = new LinkProbe(
      {
        send: (device, request) => gateway.tensorLink(device)?.send(new OutgoingMessage(request)),
        ...systemClock,
      },
      changed,
    );
    this.#supervisors = new Supervisors(io, access, { refused, changed });
    this.#faults = new DeviceFaults(gateway, this.#supervisors, registry, (event) => this.#emit(event));
    this.#distributor = new Distributor(options.blobs, blobs, {
      blob: (device, chunk, timeoutMs) => gateway.request(device, 'blob', chunk, timeoutMs),
      load: (device, task, timeoutMs) => gateway.request(device, 'load', task, timeoutMs),
      unload: (device, task) => gateway.request(device, 'unload', { task }),
      retain: (device, blobs) => gateway.request(device, 'retain', { blobs: [...blobs] }),
    });
    this.#coordinator = new Coordinator({
      clock: systemClock,
      transport: new SocketTransport({
        link: (device) => gateway.tensorLink(device),
        refused: (device, message) => this.#coordinator.receive(device, message),
      }),
      compute,
      installer: this.#distributor,
      emit: (event) => this.#handle(event),
      options: {
        firstTask: randomInt(1, FIRST_NUMBERS),
        firstRequest: randomInt(1, FIRST_NUMBERS),
        holds: (device, sha256) => this.#distributor.holds(device, sha256),
        fits: (device, weightsBytes) =>
          weightsBytes <=
          (gateway.session(device)?.hello?.profile?.memoryLimitBytes ?? Number.POSITIVE_INFINITY),
      },
    });
    this.#membership = new Membership({
      registry,
      gateway,
      coordinator: this.#coordinator,
      remove: (device) => {
        this.#coordinator.forget(device);
        gateway.forget(device);
        links.forget(device);
        this.#distributor.forgetDevice(device);
        this.#faults.forget(device);
      },
      emit: (event) => this.#emit(event),
    });
    this.#deployments = new ServedDeployments({
      coordinator: this.#coordinator,
      compute,
      distributor: this.#distributor,
      nameOf: (device) => this.#nameOf(device),
      address: () => ({ host: reachable(options.host), port: this.#port, token: options.operatorToken }),
      changed,
    });
    this.#feed = new ViewFeed(
      {
        coordinator: this.#coordinator,
        registry,
        gateway,
        supervisors: this.#supervisors,
        faults: this.#faults,
        links,
        deployments: this.#deployments,
        distributor: this.#distributor,
      },
      post,
    );
    this.#answers = new AnswerFeed({
      now: () => performance.timeOrigin + performance.now(),
      random: Math.random,
      deployments: () =>
        this.#coordinator.snapshot().deployments.map(({ name, inFlight, queued, seats }) => ({
          name,
          inFlight: inFlight + queued,
          devices: seats.map(({ device }) => device),
          agesMs: () => this.#coordinator.requestAges(name),
          running: () => this.#coordinator.traces(name).filter(({ finishedAt }) => finishedAt === null),
        })),
      nameOf: (device) => this.#nameOf(device),
      post: (update) => post({ kind: 'answers', update }),
    });
  }

  get port(): number {
    return this.#port;
  }

  /** The port of inference over gRPC; null without gRPC. */
  get grpcPort(): number | null {
    return this.#grpcPort;
  }

  async #openGrpc({ host, grpcPort = null }: DataPlaneOptions): Promise<void> {
    if (grpcPort === null) return;
    // Loaded on demand, because it takes 20 MB and 150 ms.
    const { GrpcServer } = await import('./grpc/grpc-server.ts');
    this.#grpc = new GrpcServer(this.#inference);
    this.#grpcPort = await this.#grpc.listen(host, grpcPort).catch((error: Error) => {
      throw grpcListenError(error, host, grpcPort);
    });
  }

  /**
   * Executes a call of the control plane.
   * @throws {ApiError} the call failed; any other error is a bug
   */
  async call<C extends DataPlaneCall>(body: C): Promise<DataPlaneReplies[C['kind']]> {
    try {
      return (await this.#execute(body)) as DataPlaneReplies[C['kind']];
    } catch (error) {
      throw toApiError(error);
    } finally {
      this.#feed.changed();
    }
  }

  async #execute(body: DataPlaneCall): Promise<DataPlaneReplies[DataPlaneCall['kind']]> {
    switch (body.kind) {
      case 'deploy':
        await this.#deployments.deploy(body.deployment);
        return null;
      case 'expect-deployments':
        this.#deployments.expect(body.names);
        return null;
      case 'preload':
        this.#distributor.preload(body.name, body.device, body.artifact);
        return null;
      case 'cancel-preload':
        this.#distributor.cancelPreload(body.name);
        return null;
      case 'undeploy':
        await this.#deployments.undeploy(body.name);
        return null;
      case 'set-policy':
        this.#deployments.setPolicy(body.name, body.policy);
        return null;
      case 'fault':
        await this.#faults.inject(body.device, body.fault);
        return null;
      case 'set-network':
        await this.#faults.setNetwork(body.device, body.network);
        return null;
      case 'revive':
        await this.#revive(body.device);
        return null;
      case 'release':
        this.#membership.release(body.device);
        return null;
      case 'blob-repaired':
        this.#blobs.repaired(body.sha256, body.problem);
        return null;
      case 'forget':
        this.#membership.forget(body.device);
        return null;
      case 'start-load':
        return this.#deployments.startLoad(body.name, body.load);
      case 'stop-load':
        return this.#deployments.stopLoad(body.name);
      case 'latency':
        return this.#deployments.recorder(body.name).view();
      case 'arrivals':
        return this.#deployments.recorder(body.name).arrivals.view(body.name, Date.now());
      case 'reset-latency':
        this.#deployments.recorder(body.name).reset();
        return null;
      case 'fault-reports':
        return this.#answers.reports();
      case 'fault-report':
        return this.#answers.report(body.id);
      case 'traces':
        return this.#coordinator.traces(body.name).reverse().slice(0, body.limit);
      case 'metrics':
        return this.#metrics();
      case 'stop':
        await this.#stop();
        return null;
    }
  }

  #metrics(): DataPlaneMetrics {
    return {
      durations: this.#deployments.durations(),
      devices: this.#coordinator.tallies().map(({ deployment, device, tally }) => ({
        deployment,
        id: device,
        name: this.#nameOf(device),
        counts: tally,
      })),
      quarantines: this.#coordinator
        .snapshot()
        .devices.map(({ id, statistics: { quarantines } }) => ({ id, name: this.#nameOf(id), quarantines })),
    };
  }

  /** Releases a device from quarantine. Restarts or resumes its process if that is needed. */
  async #revive(device: string): Promise<void> {
    const quarantined = this.#membership.quarantined(device);
    if (quarantined) this.#membership.release(device);
    if (!quarantined || this.#supervisors.of(device)?.running === false) {
      await this.#faults.revive(device);
    }
  }

  /** Rejects new requests, finishes accepted ones, and closes. */
  async #stop(): Promise<void> {
    await this.#deployments.stopAllLoads();
    await this.#coordinator.drain();
    this.#feed.stop();
    this.#feed.post();
    this.#answers.stop();
    this.#answers.tick();
    await Promise.all([this.#listener.close(), this.#grpc?.close()]);
    await this.#compute.close();
  }

  /** Handles an event of the coordinator. Posts it, except events of single requests and transfers. */
  #handle(event: CoordinatorEvent): void {
    this.#feed.changed();
    switch (event.kind) {
      case 'request-finished':
        this.#deployments.requestFinished(event.deployment, event.outcome);
        this.#answers.finished(event.deployment, event.outcome);
        return;
      case 'request-settled':
        this.#deployments.requestSettled(event.deployment, event.settled);
        return;
      case 'request-copied':
        this.#deployments.requestCopied(event.deployment);
        return;
      case 'copy-skipped':
        this.#answers.skipped(event.deployment);
        return;
      case 'copy-refused':
        this.#deployments.copyRefused(event.deployment);
        if (!(event.error instanceof CoordinatorError)) log.error({ err: event.error }, 'a copy failed');
        return;
      case 'outage-began':
      case 'outage-ended':
      case 'failure-detected':
      case 'redistribution-began':
        this.#feed.changedState();
        break;
      case 'install-progress':
        // Several events per megabyte. The views show the latest progress five times a second.
        return;
      case 'deployment-state':
        this.#deployments.stateChanged(event.deployment, event.state, event.reason);
        this.#feed.changedState();
        break;
      case 'device-lost':
        this.#answers.noticed(event.device, { kind: 'loss' });
        break;
      case 'corruption':
        if (event.answeredWrong) this.#answers.foundWrong(event.deployment, event.request);
        break;
      case 'device-quarantined':
        this.#answers.noticed(event.device, { kind: 'quarantine' });
        break;
    }
    this.#deployments.observe(event);
    this.#post({ kind: 'event', event });
  }

  /** Posts an operator's action or a rejected device. */
  #emit(event: FaultEvent): void {
    this.#feed.changed();
    if (event.kind === 'fault-injected') this.#answers.injected(event.device, event.fault);
    this.#deployments.observe(event);
    this.#post({ kind: 'event', event });
  }

  #nameOf(device: string): string {
    return this.#registry.get(device)?.name ?? device;
  }
}
