import type { Engine } from '@sparewheel/engine/contract';
import {
  type Answer,
  type DeviceAuth,
  type DeviceIdentity,
  type DeviceStatistics,
  type FromDevice,
  type HandshakeRefusal,
  type Hello,
  NAMESPACES,
  type Outcome,
  PROTOCOL_VERSION,
  parseHandshakeRefusal,
  TENSOR_EVENT,
  type ToDevice,
} from '@sparewheel/protocol';
import { systemClock } from '@sparewheel/runtime/clock';
import { ComputeQueue } from './compute-queue.ts';
import { Connection } from './connection.ts';
import { Control } from './control.ts';
import { Faults } from './faults.ts';
import type { ShardStore } from './shard-store.ts';
import { TaskTable } from './task-table.ts';
import { AGENT_VERSION } from './version.ts';

const STATISTICS_INTERVAL_MS = 1_000;

/** What differs from one kind of machine to the next. */
export interface DeviceParts {
  /** Origin of the data plane. */
  readonly url: string;
  readonly token: string;
  readonly identity: DeviceIdentity;
  /** New in each life of the device; pairs its two connections. */
  readonly incarnation: string;
  readonly store: ShardStore;
  readonly engine: Engine;
  readonly description: Pick<Hello, 'name' | 'platform' | 'processId' | 'memoryBytes' | 'profile'>;
  /** Asked once a second. */
  readonly measure: () => Pick<DeviceStatistics, 'rssBytes' | 'temperatureCelsius'>;
  readonly observer: DeviceObserver;
}

/** What whoever runs a device may want to know. */
export interface DeviceObserver {
  /** The data plane took the hello. */
  joined?(): void;
  /** The control connection is gone; it comes back by itself. */
  disconnected?(): void;
  /** The data plane said no, to the handshake or to the hello; the device goes on asking. */
  refused?(refusal: HandshakeRefusal): void;
  /** An answer left. */
  answered?(answer: Answer): void;
}

export interface ConnectedDevice {
  readonly tasks: TaskTable;
  readonly queue: ComputeQueue;
  readonly faults: Faults;
  /**
   * Sets a fault beside the network.
   * @throws {InvalidMessageError}
   */
  setFault(fault: unknown): void;
  close(): Promise<void>;
}

/** Puts a device together around its store and its engine, and begins to connect it. Runs on Node and in a browser. */
export function connectDevice(parts: DeviceParts): ConnectedDevice {
  const { store, engine, observer } = parts;
  const auth: DeviceAuth = {
    protocol: PROTOCOL_VERSION,
    token: parts.token,
    device: parts.identity,
    incarnation: parts.incarnation,
  };
  const control = new Connection(parts.url, NAMESPACES.control, auth);
  const tensors = new Connection(parts.url, NAMESPACES.tensors, auth);
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
    send: (message: FromDevice) => {
      tensors.send(TENSOR_EVENT, message);
      if (message.kind === 'answer') observer.answered?.(message);
    },
  });
  const commands = new Control(store, tasks, faults);

  for (const [event, handle] of Object.entries(commands.handlers)) {
    control.socket.on(event, async (message: unknown, acknowledge: unknown) => {
      const outcome = await handle(message);
      if (typeof acknowledge === 'function' && !faults.partitioned) acknowledge(outcome);
    });
  }
  let greeted = false;
  // Complete first: whoever heard the hello may take a connection that comes later for another process's.
  const greet = () => {
    if (greeted || !control.socket.connected || !tensors.socket.connected) return;
    greeted = true;
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
  control.socket.on('connect', greet);
  tensors.socket.on('connect', greet);
  control.socket.on('connect_error', (error) => {
    const refusal = refusalIn(error);
    if (refusal !== null) observer.refused?.(refusal);
  });
  control.socket.on('disconnect', () => {
    greeted = false;
    void store.abandonIncomplete();
    observer.disconnected?.();
  });
  tensors.socket.on(TENSOR_EVENT, (message: ToDevice) => queue.receive(message));
  // Whoever asked is gone, and another asker's request may bear the same number.
  tensors.socket.on('disconnect', () => queue.clear());

  const statistics = setInterval(() => {
    const message: DeviceStatistics = {
      ...parts.measure(),
      storeBytes: store.bytes,
      inFlight: queue.inFlight,
    };
    control.send('statistics', message);
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

/** The data plane's own no; null where the network is what failed. */
function refusalIn(error: Error & { data?: unknown }): HandshakeRefusal | null {
  try {
    return parseHandshakeRefusal(error.data);
  } catch {
    return null;
  }
}
