import type { Server as HttpServer } from 'node:http';
import type { KnownDevice } from '@sparewheel/data-plane-client';
import {
  type BlobChunk,
  type DeviceAuth,
  type DeviceStatistics,
  type DeviceToControl,
  type Fault,
  type FromDevice,
  type Hello,
  LIMITS,
  NAMESPACES,
  type Outcome,
  parseDeviceAuth,
  parseFromDevice,
  parseHello,
  parseOutcome,
  parseStatistics,
  type Task,
  TENSOR_EVENT,
  type TensorKey,
} from '@sparewheel/protocol';
import type { Access } from '@sparewheel/runtime/access';
import type { Namespace, Server, Socket } from 'socket.io';
import { DeviceAdmission, type SessionsView } from './device-admission.ts';
import type { DeviceRegistry } from './device-registry.ts';
import {
  type ControlNamespace,
  type ControlSocket,
  DeviceSession,
  type SocketIoTensors,
  type TensorsNamespace,
} from './device-session.ts';
import { GATEWAY_LIMITS, RateLimit } from './gateway-limits.ts';
import { guardNamespace, HandshakeRefusedError, RefusalLog, readAuth } from './handshake.ts';
import { SocketIoTensorLink } from './socket-io-tensor-link.ts';
import type { TensorLink, TensorLinkEvents } from './tensor-link.ts';
import { TensorSockets } from './tensor-sockets.ts';

/** Receives what happens on the connections of devices. */
export interface GatewayObserver {
  /** Both connections are up and the device has sent its hello. */
  connected(device: string, hello: Hello): void;
  disconnected(device: string, reason: string): void;
  received(device: string, message: FromDevice): void;
  /** The device has received these computations and has not finished them. */
  computing(device: string, computations: NonNullable<DeviceStatistics['computing']>): void;
  /** Called for a new device, or one with a new name. The record must be stored. */
  known(device: KnownDevice): void;
  refused(device: string | null, message: string): void;
  /** Called when the view of a device changes. */
  changed(): void;
}

/** A device is not connected, or disconnected during a request. */
export class DeviceGoneError extends Error {
  override readonly name = 'DeviceGoneError';
  readonly device: string;

  constructor(device: string, reason: string) {
    super(`device ${device} is gone: ${reason}`);
    this.device = device;
  }
}

interface ControlMessages {
  blob: BlobChunk;
  load: Task;
  unload: { task: number };
  retain: { blobs: string[] };
  fault: Fault;
}

/** The events of a control connection. The type names any that is missing. */
const CONTROL_EVENTS: Readonly<Record<keyof DeviceToControl, true>> = {
  hello: true,
  statistics: true,
  'tensor-key': true,
};

/**
 * Connects devices. A device opens two connections with the same incarnation: Socket.IO for control, and a tensor
 * socket or Socket.IO for tensors. It proves its identity with the secret of its first join. The observer hears of the device when both connections are up. A device that
 * violates the protocol is disconnected and rejected for a while; other devices are not affected.
 */
export class DeviceGateway {
  readonly #admission: DeviceAdmission;
  readonly #registry: DeviceRegistry;
  readonly #observer: GatewayObserver;
  readonly #sessions = new Map<string, DeviceSession>();
  /** The newest session of each device, by device id. */
  readonly #current = new Map<string, DeviceSession>();
  /** When each device first connected since the data plane started. */
  readonly #joinedAt = new Map<string, Date>();
  readonly #refusals: RefusalLog;
  readonly #tensorSockets: TensorSockets<DeviceSession>;

  /** @param server  the HTTP server of `io` */
  constructor(
    server: HttpServer,
    io: Server,
    access: Access,
    registry: DeviceRegistry,
    observer: GatewayObserver,
  ) {
    this.#tensorSockets = new TensorSockets(
      server,
      (session, link) => this.#attachTensorSocket(session, link),
      (message) => this.#refusals.add(null, 'tensor-key', message, performance.now()),
    );
    this.#registry = registry;
    this.#admission = new DeviceAdmission(access, registry, this.#sessionsView());
    this.#observer = observer;
    this.#refusals = new RefusalLog((device, message) => observer.refused(device, message));
    const control = io.of(NAMESPACES.control) as unknown as ControlNamespace;
    const tensors = io.of(NAMESPACES.tensors) as unknown as TensorsNamespace;
    guardNamespace(control as unknown as Namespace, this.#refusals, (socket) => this.#admit(socket));
    guardNamespace(tensors as unknown as Namespace, this.#refusals, (socket) => this.#admit(socket));
    control.on('connection', (socket) => this.#attachControl(socket));
    tensors.on('connection', (socket) => this.#attachTensors(socket));
    io.use((_socket, next) => next(new Error(`connect to ${Object.values(NAMESPACES).join(', ')}`)));
  }

  /** Returns the newest session of a device, up or down. */
  session(device: string): DeviceSession | undefined {
    return this.#current.get(device);
  }

  joinedAt(device: string): Date | undefined {
    return this.#joinedAt.get(device);
  }

  /** Returns whether at least one connection of a device is open. */
  connected(device: string): boolean {
    const session = this.#current.get(device);
    return session !== undefined && (session.control !== null || session.tensors !== null);
  }

  /** Removes everything about a device that is not connected. */
  forget(device: string): void {
    this.#current.delete(device);
    this.#joinedAt.delete(device);
    this.#admission.forget(device);
  }

  /** Returns the link for tensor messages to a device. undefined unless the device is up. */
  tensorLink(device: string): TensorLink | undefined {
    const session = this.#current.get(device);
    return session?.up ? (session.tensors ?? undefined) : undefined;
  }

  /**
   * Sends a control message and waits for its acknowledgement.
   * @throws {DeviceGoneError} the device is not connected, disconnects, or does not acknowledge in time
   */
  async request<Event extends keyof ControlMessages>(
    device: string,
    event: Event,
    message: ControlMessages[Event],
    timeoutMs: number = GATEWAY_LIMITS.acknowledgeMs,
  ): Promise<Outcome> {
    const session = this.#current.get(device);
    if (!session?.up || session.control === null) throw new DeviceGoneError(device, 'not connected');
    const { down, control } = session;
    const answer = await new Promise<unknown>((resolve, reject) => {
      const onDown = (): void => reject(new DeviceGoneError(device, (down.reason as Error).message));
      down.addEventListener('abort', onDown, { once: true });
      // The overloads of the typed emit do not accept a union of events.
      const emitter = control.timeout(timeoutMs) as unknown as {
        emit(event: string, message: unknown, done: (error: Error | null, outcome: unknown) => void): void;
      };
      emitter.emit(event, message, (error, outcome) => {
        down.removeEventListener('abort', onDown);
        if (error === null) resolve(outcome);
        else reject(new DeviceGoneError(device, `no acknowledgement of '${event}' in ${timeoutMs} ms`));
      });
    });
    try {
      return parseOutcome(answer);
    } catch (error) {
      this.#misconduct(session, (error as Error).message);
      throw new DeviceGoneError(device, 'it violated the protocol');
    }
  }

  /** Checks the handshake of either connection. */
  #admit(socket: Socket): void {
    const auth = readAuth(socket, parseDeviceAuth);
    this.#admission.check(auth, socket.handshake.address, performance.now());
    socket.data = { auth };
  }

  #sessionOf(auth: DeviceAuth): DeviceSession {
    const key = sessionKey(auth);
    let session = this.#sessions.get(key);
    if (session === undefined) {
      session = new DeviceSession(auth, Date.now());
      this.#sessions.set(key, session);
      this.#expectCompletion(session);
    }
    return session;
  }

  /** Disconnects a device that does not complete its hello and both connections in time. */
  #expectCompletion(session: DeviceSession): void {
    const timer = setTimeout(() => {
      if (session.up || this.#sessions.get(sessionKey(session.auth)) !== session) return;
      const missing =
        session.control === null
          ? 'open its control connection'
          : session.tensors === null
            ? 'open a connection for tensors'
            : 'send its hello';
      const message = `device ${session.device} did not ${missing} within ${GATEWAY_LIMITS.completionMs} ms`;
      this.#refusals.add(session.device, 'incomplete', message, performance.now());
      session.disconnect();
    }, GATEWAY_LIMITS.completionMs);
    timer.unref();
  }

  #attachControl(socket: ControlSocket): void {
    const session = this.#sessionOf(socket.data.auth);
    const previous = session.control;
    session.control = socket;
    session.hello = null;
    if (previous !== null) this.#displace(session, () => previous.disconnect(true));
    const limit = new RateLimit(GATEWAY_LIMITS.controlMessagesPerSecond, performance.now());
    socket.onAny((event: string) => {
      if (session.control !== socket) return;
      if (!limit.take(performance.now())) this.#misconduct(session, 'flood of control messages');
      else if (!Object.hasOwn(CONTROL_EVENTS, event)) this.#misconduct(session, `unknown event '${event}'`);
    });
    socket.on('hello', (message, acknowledge) => {
      if (session.control === socket) this.#hello(session, message, acknowledge);
    });
    session.timeRoundTrips(socket, () => performance.now(), Date.now);
    socket.on('tensor-key', (acknowledge: unknown) => {
      if (session.control !== socket || typeof acknowledge !== 'function') return;
      acknowledge({ key: this.#tensorSockets.issue(session, performance.now()) } satisfies TensorKey);
    });
    socket.on('statistics', (message) => {
      if (session.control !== socket) return;
      const statistics = this.#parsed(session, () => parseStatistics(message));
      if (statistics?.computing && session.up) this.#observer.computing(session.device, statistics.computing);
      session.statistics = statistics;
      this.#observer.changed();
    });
    this.#monitor(session, socket as unknown as Socket, () => {
      if (session.control !== socket) return false;
      session.control = null;
      if (session.tensors?.boundToControl) session.tensors.close();
      return true;
    });
  }

  #attachTensors(socket: SocketIoTensors): void {
    const session = this.#sessionOf(socket.data.auth);
    const link = new SocketIoTensorLink(socket);
    const events = this.#attachLink(session, link);
    socket.on(TENSOR_EVENT, (message) => events.received(message));
    this.#monitor(session, socket as unknown as Socket, () => this.#detachLink(session, link));
  }

  /** Returns null if the control connection that asked for the key is gone. */
  #attachTensorSocket(session: DeviceSession, link: TensorLink): TensorLinkEvents | null {
    if (session.control === null || this.#sessions.get(sessionKey(session.auth)) !== session) return null;
    return this.#attachLink(session, link);
  }

  #attachLink(session: DeviceSession, link: TensorLink): TensorLinkEvents {
    const previous = session.tensors;
    session.tensors = link;
    if (previous !== null) this.#displace(session, () => previous.close());
    const limit = new RateLimit(GATEWAY_LIMITS.tensorMessagesPerSecond, performance.now());
    this.#upIfComplete(session);
    return {
      received: (message) => {
        if (!session.up || session.tensors !== link) return;
        if (!limit.take(performance.now())) {
          this.#misconduct(session, 'flood of tensor messages');
          return;
        }
        const parsed = this.#parsed(session, () => parseFromDevice(message));
        if (parsed !== null) this.#observer.received(session.device, parsed);
      },
      malformed: (error) => {
        if (session.tensors === link) this.#misconduct(session, (error as Error).message);
      },
      closed: (reason) => {
        if (this.#detachLink(session, link)) this.#lost(session, reason);
      },
    };
  }

  #detachLink(session: DeviceSession, link: TensorLink): boolean {
    if (session.tensors !== link) return false;
    session.tensors = null;
    return true;
  }

  /**
   * Replaces a connection: the same incarnation reconnected before the loss of the old connection was
   * noticed.
   */
  #displace(session: DeviceSession, disconnect: () => void): void {
    this.#down(session, 'it reconnected');
    disconnect();
  }

  /** @param detach  removes the socket from its session; returns false if the socket was already replaced */
  #monitor(session: DeviceSession, socket: Socket, detach: () => boolean): void {
    socket.on('error', (error: unknown) => {
      // Socket.IO emits it for bytes that do not parse. A peer may also send an event of this name.
      this.#misconduct(session, error instanceof Error ? error.message : "unknown event 'error'");
    });
    socket.on('disconnect', (reason) => {
      if (detach()) this.#lost(session, describeDisconnect(reason));
    });
  }

  /** A connection of the session is gone. */
  #lost(session: DeviceSession, reason: string): void {
    this.#down(session, reason);
    if (session.control !== null || session.tensors !== null) {
      this.#expectCompletion(session);
      return;
    }
    if (this.#sessions.get(sessionKey(session.auth)) === session) {
      this.#sessions.delete(sessionKey(session.auth));
    }
  }

  #hello(session: DeviceSession, message: unknown, acknowledge: unknown): void {
    const answer = (outcome: Outcome): void => {
      if (typeof acknowledge === 'function') acknowledge(outcome);
    };
    const hello = this.#parsed(session, () => parseHello(message));
    if (hello === null) return;
    try {
      this.#admission.checkIdentity(session.auth);
    } catch (error) {
      if (!(error instanceof HandshakeRefusedError)) throw error;
      const { code, device } = error;
      answer({ ok: false, code, message: error.message });
      this.#refusals.add(device, code, error.message, performance.now());
      session.disconnect();
      return;
    }
    const changed = this.#registry.bind(session.auth.device, hello);
    if (changed !== null) this.#observer.known(changed);
    this.#makeCurrent(session);
    session.hello = hello;
    answer({ ok: true });
    this.#upIfComplete(session);
  }

  /** Makes a session the current one of its device. Disconnects and retires an older incarnation. */
  #makeCurrent(session: DeviceSession): void {
    const current = this.#current.get(session.device);
    this.#current.set(session.device, session);
    if (current === undefined || current === session) return;
    // The same incarnation reconnected after it lost both connections. It must not retire itself.
    if (current.incarnation === session.incarnation) return;
    this.#admission.retire(session.device, current.incarnation);
    this.#down(current, 'a newer process of the device replaced it');
    current.disconnect();
  }

  #upIfComplete(session: DeviceSession): void {
    if (!session.complete || session.up || this.#current.get(session.device) !== session) return;
    session.setUp();
    if (!this.#joinedAt.has(session.device)) this.#joinedAt.set(session.device, new Date());
    this.#observer.connected(session.device, session.hello!);
  }

  #down(session: DeviceSession, reason: string): void {
    if (!session.up) return;
    session.setDown(reason);
    this.#observer.disconnected(session.device, reason);
  }

  /** Parses a message. Returns null and disconnects the device if the message is invalid. */
  #parsed<Message>(session: DeviceSession, parse: () => Message): Message | null {
    try {
      return parse();
    } catch (error) {
      this.#misconduct(session, (error as Error).message);
      return null;
    }
  }

  #sessionsView(): SessionsView {
    const sessions = this.#sessions;
    const current = this.#current;
    return {
      existing: (auth) => sessions.get(sessionKey(auth))?.auth,
      get count() {
        return sessions.size;
      },
      othersUp: (device) => [...current.values()].filter((each) => each.up && each.device !== device).length,
    };
  }

  #misconduct(session: DeviceSession, what: string): void {
    const now = performance.now();
    this.#admission.punish(session.device, now);
    this.#refusals.add(session.device, 'misconduct', `device ${session.device}: ${what}`, now);
    this.#down(session, `it violated the protocol: ${what}`);
    session.disconnect();
  }
}

function sessionKey(auth: DeviceAuth): string {
  return `${auth.device.id} ${auth.incarnation}`;
}

function describeDisconnect(reason: string): string {
  if (reason === 'ping timeout') {
    return `no heartbeat for ${LIMITS.pingIntervalMs + LIMITS.pingTimeoutMs} ms`;
  }
  if (reason === 'transport close' || reason === 'transport error') return 'its connection broke';
  if (reason === 'client namespace disconnect') return 'it disconnected';
  return reason;
}
