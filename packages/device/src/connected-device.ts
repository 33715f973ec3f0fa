import type { Engine } from '@sparewheel/engine/contract';
import {
  type Answer,
  type DeviceAuth,
  type DeviceIdentity,
  type DeviceStatistics,
  type FromDevice,
  type HandshakeRefusal,
  type Hello,
  LIMITS,
  NAMESPACES,
  type Outcome,
  PROTOCOL_VERSION,
  parseHandshakeRefusal,
  parseTensorKey,
} from '@sparewheel/protocol';
import { systemClock } from '@sparewheel/runtime/clock';
import { BufferPool } from './buffer-pool.ts';
import { ComputeQueue } from './compute-queue.ts';
import { Connection } from './connection.ts';
import { Control } from './control.ts';
import { Faults } from './faults.ts';
import type { ShardStore } from './shard-store.ts';
import { TaskTable } from './task-table.ts';
import { type OpenTensorSocket, TensorConnector } from './tensor-connector.ts';

/** The version in the agent's package.json. */
export const AGENT_VERSION = '0.1.0';

const STATISTICS_INTERVAL_MS = 1_000;

/** The parts of a device that depend on its machine. */
export interface DeviceParts {
  /** Origin of the data plane. */
  readonly url: string;
  readonly token: string;
  readonly identity: DeviceIdentity;
  /** New at each start of the device. The data plane pairs its two connections by it. */
  readonly incarnation: string;
  readonly store: ShardStore;
  readonly engine: Engine;
  /** Opens a tensor socket. Left out where only Socket.IO works, as in browsers. */
  readonly openTensorSocket?: (url: string, pool: BufferPool) => OpenTensorSocket;
  readonly description: Pick<Hello, 'name' | 'platform' | 'processId' | 'memoryBytes' | 'profile'>;
  /** Called once a second. */
  readonly measure: () => Pick<DeviceStatistics, 'rssBytes' | 'temperatureCelsius'>;
  readonly observer: DeviceObserver;
}

/** Callbacks for the program that runs a device. */
export interface DeviceObserver {
  /** The data plane accepted the hello. */
  joined?(): void;
  /** The control connection was lost. The device reconnects by itself. */
  disconnected?(): void;
  /** The data plane refused the handshake or the hello. The device keeps retrying. */
  refused?(refusal: HandshakeRefusal): void;
  /** The device sends its tensors over Socket.IO, which is slower, because no tensor socket could be opened. */
  fellBack?(reason: string): void;
  /** An answer was sent. */
  answered?(answer: Answer): void;
}

export interface ConnectedDevice {
  readonly tasks: TaskTable;
  readonly queue: ComputeQueue;
  readonly faults: Faults;
  /**
   * Sets a fault without the network, so that it also reaches a partitioned device.
   * @throws {InvalidMessageError}
   */
  setFault(fault: unknown): void;
  close(): Promise<void>;
}

/** Builds a device from its store and engine and starts to connect it. Runs on Node and in browsers. */
export function connectDevice(parts: DeviceParts): ConnectedDevice {
  const { store, engine, observer } = parts;
  const auth: DeviceAuth = {
    protocol: PROTOCOL_VERSION,
    token: parts.token,
    device: parts.identity,
    incarnation: parts.incarnation,
  };
  const control = new Connection(parts.url, NAMESPACES.control, auth);
  const pool = new BufferPool();
  const tensors = new TensorConnector({
    socketIo: new Connection(parts.url, NAMESPACES.tensors, auth),
    openSocket: parts.openTensorSocket?.(parts.url, pool) ?? null,
    requestKey: () => requestTensorKey(control),
    events: {
      opened: () => sendHello(),
      received: (message) => queue.receive(message),
      // Its requests cannot be answered anymore, and a new connection may reuse their numbers.
      closed: () => queue.clear(),
      fellBack: (reason) => observer.fellBack?.(reason),
    },
    clock: systemClock,
  });
  const faults = new Faults(Math.random, (partitioned) => {
    control.setPartitioned(partitioned);
    tensors.setPartitioned(partitioned);
  });
  const tasks = new TaskTable(engine, store);
  const queue = new ComputeQueue({
    engine,
    tasks,
    faults,
    clock: systemClock,
    pool,
    send: (message: FromDevice, frame, sent) => {
      tensors.send(message, frame, sent);
      if (message.kind === 'answer') observer.answered?.(message);
    },
    report: (computing) => sendStatistics({ computing }),
  });
  const commands = new Control(store, tasks, faults);

  for (const [event, handle] of Object.entries(commands.handlers)) {
    control.socket.on(event, async (message: unknown, acknowledge: unknown) => {
      const outcome = await handle(message);
      if (typeof acknowledge === 'function' && !faults.partitioned) acknowledge(outcome);
    });
  }
  let helloSent = false;
  // Waits for both connections: after the hello, the data plane may attribute a later one to another process.
  const sendHello = () => {
    if (helloSent || !control.socket.connected || !tensors.connected) return;
    helloSent = true;
    const hello: Hello = {
      ...parts.description,
      agentVersion: AGENT_VERSION,
      engine: engine.backend,
      held: [...store.held()],
    };
    control.send('hello', hello, (outcome: Outcome) => {
      if (outcome.ok) observer.joined?.();
      else observer.refused?.({ code: 'unavailable', message: outcome.message });
    });
  };
  control.socket.on('connect', () => {
    tensors.controlConnected();
    sendHello();
  });
  control.socket.on('connect_error', (error) => {
    const refusal = refusalIn(error);
    if (refusal !== null) observer.refused?.(refusal);
  });
  control.socket.on('disconnect', () => {
    helloSent = false;
    tensors.controlDisconnected();
    void store.abandonIncomplete();
    observer.disconnected?.();
  });

  // Measured once a second, and not for every report of long computations: some of it reads files.
  let measured = parts.measure();
  const sendStatistics = (more: Pick<DeviceStatistics, 'computing'> = {}) => {
    const message: DeviceStatistics = {
      ...measured,
      storeBytes: store.bytes,
      inFlight: queue.inFlight,
      ...more,
    };
    control.send('statistics', message);
  };
  const statistics = setInterval(() => {
    measured = parts.measure();
    sendStatistics();
  }, STATISTICS_INTERVAL_MS);
  control.open();
  tensors.open();
  return {
    tasks,
    queue,
    faults,
    setFault: (fault) => commands.setFault(fault),
    async close() {
      clearInterval(statistics);
      control.close();
      tensors.close();
      await engine.close();
    },
  };
}

/** @throws {Error} the data plane issues no key in time */
async function requestTensorKey(control: Connection): Promise<string> {
  return parseTensorKey(await control.request('tensor-key', LIMITS.tensorSocketMs)).key;
}

/** Returns the data plane's refusal; null if the network failed. */
function refusalIn(error: Error & { data?: unknown }): HandshakeRefusal | null {
  try {
    return parseHandshakeRefusal(error.data);
  } catch {
    return null;
  }
}
