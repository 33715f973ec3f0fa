import type { DeviceId, Transport } from '@sparewheel/coordinator';
import type { CancelRequest, ComputeRequest, FromDevice, Tensor, ToDevice } from '@sparewheel/protocol';
import type { Random } from '@sparewheel/runtime/random';
import { DIRECTIONS, type Direction, sampleDelay } from './link.ts';
import type { Trace } from './trace.ts';
import type { VirtualClock } from './virtual-clock.ts';
import type { Life, VirtualDevice } from './virtual-device.ts';

/** The data plane's end of the connections. */
export interface NetworkListener {
  /** Both connections of a device are open, and the device has reported its blobs. */
  connected(device: VirtualDevice): void;
  disconnected(device: VirtualDevice, reason: string): void;
  received(device: VirtualDevice, message: FromDevice): void;
  /** The device reports that it has received these computations and has not finished them. */
  computing(device: VirtualDevice, computations: readonly { request: number; task: number }[]): void;
}

/** Learns of every message to a device. */
export interface SendObserver {
  sent(device: VirtualDevice, message: ToDevice): void;
}

/**
 * A device's two connections as one. It ends at the device at once, and at the data plane when the data plane notices:
 * later, or when the next connection replaces it.
 */
export interface Connection {
  readonly number: number;
  readonly device: VirtualDevice;
  readonly life: Life;
  /** Whether it is open at the data plane. */
  open: boolean;
  /** Whether it is open at the device. */
  openAtDevice: boolean;
  readonly lastArrival: Record<Direction, number>;
  readonly held: Record<Direction, (() => void)[]>;
  readonly onDown: Set<(reason: Error) => void>;
}

/**
 * Delivers messages between a data plane and its devices after a random delay. A connection keeps the order unless its
 * link reorders. Implements the coordinator's transport.
 */
export class VirtualNetwork implements Transport {
  readonly #devices = new Map<DeviceId, VirtualDevice>();
  readonly #current = new Map<DeviceId, Connection>();
  #listener: NetworkListener | null = null;
  #connections = 0;

  constructor(
    readonly clock: VirtualClock,
    readonly random: Random,
    readonly trace: Trace,
    readonly observer: SendObserver,
  ) {}

  add(device: VirtualDevice): void {
    this.#devices.set(device.id, device);
  }

  listen(listener: NetworkListener | null): void {
    this.#listener = listener;
  }

  /** Returns the connection that is open at the data plane. */
  connection(id: DeviceId): Connection | undefined {
    return this.#current.get(id);
  }

  /** Whether the connection is open at both ends and belongs to the current device process. */
  connected(device: VirtualDevice): boolean {
    const connection = this.#current.get(device.id);
    return connection?.openAtDevice === true && connection.life === device.life;
  }

  /** Whether a device could connect now: no partition, and a data plane that listens. */
  reachable(device: VirtualDevice): boolean {
    return this.#listener !== null && DIRECTIONS.every((way) => device.link[way].partitioned === null);
  }

  /** Connects a running device. Replaces its older connection if that is still open at the data plane. */
  connect(device: VirtualDevice): void {
    const { life } = device;
    if (!life || !this.#listener) return;
    this.#dropAtDevice(device);
    const before = this.#current.get(device.id);
    if (before) this.#close(before, 'replaced by a new connection');
    const connection: Connection = {
      number: ++this.#connections,
      device,
      life,
      open: true,
      openAtDevice: true,
      lastArrival: { toDevice: 0, fromDevice: 0 },
      held: { toDevice: [], fromDevice: [] },
      onDown: new Set(),
    };
    this.#current.set(device.id, connection);
    this.trace.note('connect', device.id, connection.number, life.incarnation);
    this.#listener.connected(device);
  }

  /** Closes the device's end. The data plane does not know yet. */
  #dropAtDevice(device: VirtualDevice): void {
    const connection = this.#current.get(device.id);
    if (!connection?.openAtDevice) return;
    connection.openAtDevice = false;
    device.forgetQueue();
  }

  lost(device: VirtualDevice): void {
    this.#dropAtDevice(device);
  }

  /** Closes the data plane's end. Does nothing if it is closed or replaced. */
  notice(connection: Connection, reason: string): void {
    if (!connection.open) return;
    this.#close(connection, reason);
    this.#current.delete(connection.device.id);
    this.trace.note('disconnect', connection.device.id, connection.number);
    this.#listener?.disconnected(connection.device, reason);
  }

  /** Ends every connection at both ends, because the data plane ended. */
  cut(): void {
    this.#listener = null;
    for (const connection of [...this.#current.values()]) {
      this.#dropAtDevice(connection.device);
      this.#close(connection, 'the data plane ended');
    }
    this.#current.clear();
  }

  scatter(devices: readonly DeviceId[], request: ComputeRequest): void {
    // A copy, as on a wire: later changes of the coordinator's tensors do not reach the devices.
    const copy = { ...request, tensors: request.tensors.map(copyTensor) };
    for (const id of devices) this.#toDevice(id, copy);
  }

  cancel(devices: readonly DeviceId[], request: CancelRequest): void {
    for (const id of devices) this.#toDevice(id, request);
  }

  /** Sends a message on a connection. Delivered once, or not at all if the link or an endpoint fails. */
  send(connection: Connection, way: Direction, lossy: boolean, deliver: () => void): void {
    const { device } = connection;
    const link = device.link[way];
    // TCP loses nothing on a surviving connection. Only an agent's emulated faults lose messages.
    if (link.partitioned === 'hold' || (link.partitioned !== null && !lossy)) {
      connection.held[way].push(() => this.send(connection, way, lossy, deliver));
      return;
    }
    if (link.partitioned === 'lose' || (lossy && this.random.chance(link.dropProbability))) {
      this.trace.note('lost', device.id, way === 'toDevice' ? 1 : 2);
      return;
    }
    const copies = lossy && this.random.chance(link.duplicateProbability) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      let at = this.clock.now() + sampleDelay(device.traits.network, this.random) + link.extraMs;
      if (!link.reorder || !lossy) {
        at = Math.max(at, connection.lastArrival[way]);
        connection.lastArrival[way] = at;
      }
      device.lastArrivalAt = Math.max(device.lastArrivalAt, at);
      this.clock.at(at, () => {
        const open = way === 'toDevice' ? connection.openAtDevice : connection.open;
        if (open) deliver();
      });
    }
  }

  /** Sends the messages that a partition held. */
  release(device: VirtualDevice, way: Direction): void {
    const held = this.#current.get(device.id)?.held[way].splice(0) ?? [];
    for (const send of held) send();
  }

  #toDevice(id: DeviceId, message: ToDevice): void {
    const connection = this.#current.get(id);
    if (!connection) return;
    const { device } = connection;
    this.trace.note(message.kind === 'compute' ? 'ask' : 'cancel', id, message.request, message.task);
    this.observer.sent(device, message);
    this.send(connection, 'toDevice', message.kind === 'compute', () =>
      device.receive(message, {
        answer: (answer) => this.#fromDevice(connection, answer),
        report: (computations) => this.#report(connection, computations),
      }),
    );
  }

  #fromDevice(asked: Connection, message: FromDevice): void {
    const { device } = asked;
    // An agent that answers late uses its current connection.
    const connection = device.traits.answersAfterReconnect ? this.#current.get(device.id) : asked;
    if (!connection?.openAtDevice || connection.life !== device.life) return;
    this.send(connection, 'fromDevice', true, () => {
      this.trace.note(message.kind, device.id, message.request, message.task);
      this.#listener?.received(device, message);
    });
  }

  #report(connection: Connection, computations: Parameters<NetworkListener['computing']>[1]): void {
    const { device } = connection;
    if (!connection.openAtDevice || connection.life !== device.life) return;
    this.send(connection, 'fromDevice', false, () => {
      this.trace.note('computing', device.id, computations.length);
      this.#listener?.computing(device, computations);
    });
  }

  #close(connection: Connection, reason: string): void {
    connection.open = false;
    for (const down of [...connection.onDown]) down(new Error(reason));
    connection.onDown.clear();
  }
}

function copyTensor(tensor: Tensor): Tensor {
  return { type: tensor.type, dims: [...tensor.dims], data: tensor.data.slice() } as Tensor;
}
