import type { DeviceId, Transport } from '@sparewheel/coordinator';
import type { CancelRequest, ComputeRequest, FromDevice, Tensor, ToDevice } from '@sparewheel/protocol';
import { DIRECTIONS, type Direction, sampleDelay } from './link.ts';
import type { Random } from './random.ts';
import type { Trace } from './trace.ts';
import type { VirtualClock } from './virtual-clock.ts';
import type { Life, VirtualDevice } from './virtual-device.ts';

/** What the data plane's side of the connections tells. */
export interface NetworkListener {
  /** Both connections of a device are up; it said what its disk holds. */
  connected(device: VirtualDevice): void;
  disconnected(device: VirtualDevice, reason: string): void;
  received(device: VirtualDevice, message: FromDevice): void;
}

/** Told of everything that is sent to a device. */
export interface SendObserver {
  sent(device: VirtualDevice, message: ToDevice): void;
}

/**
 * A device's two connections as one. It ends at the device at once, and at the data plane when that notices: late, or
 * only when the next one replaces it.
 */
export interface Connection {
  readonly number: number;
  readonly device: VirtualDevice;
  readonly life: Life;
  /** By the data plane's reckoning. */
  open: boolean;
  /** By the device's. */
  openAtDevice: boolean;
  readonly lastArrival: Record<Direction, number>;
  readonly held: Record<Direction, (() => void)[]>;
  readonly onDown: Set<(reason: Error) => void>;
}

/**
 * Carries messages between a data plane and its devices, in order on each connection unless a link reorders, after a
 * delay drawn for each message. Serves as the coordinator's transport.
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

  /** The connection that the data plane believes in. */
  connection(id: DeviceId): Connection | undefined {
    return this.#current.get(id);
  }

  /** Whether both ends have the same connection, and the device's present life made it. */
  connected(device: VirtualDevice): boolean {
    const connection = this.#current.get(device.id);
    return connection?.openAtDevice === true && connection.life === device.life;
  }

  /** Whether a device could connect now: its link carries in both directions, and somebody listens. */
  reachable(device: VirtualDevice): boolean {
    return this.#listener !== null && DIRECTIONS.every((way) => device.link[way].partitioned === null);
  }

  /** A living device connects (again). Its older connection, if the data plane still believes in it, is replaced. */
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

  /** The device's end is gone: it died, or gave the connection up. The data plane does not know. */
  #dropAtDevice(device: VirtualDevice): void {
    const connection = this.#current.get(device.id);
    if (!connection?.openAtDevice) return;
    connection.openAtDevice = false;
    device.forgetQueue();
  }

  lost(device: VirtualDevice): void {
    this.#dropAtDevice(device);
  }

  /** The data plane notices that a connection is gone; nothing where it has noticed already or has a newer one. */
  notice(connection: Connection, reason: string): void {
    if (!connection.open) return;
    this.#close(connection, reason);
    this.#current.delete(connection.device.id);
    this.trace.note('disconnect', connection.device.id, connection.number);
    this.#listener?.disconnected(connection.device, reason);
  }

  /** The data plane dies: every connection ends, at both ends. */
  cut(): void {
    this.#listener = null;
    for (const connection of [...this.#current.values()]) {
      this.#dropAtDevice(connection.device);
      this.#close(connection, 'the data plane ended');
    }
    this.#current.clear();
  }

  scatter(devices: readonly DeviceId[], request: ComputeRequest): void {
    // As on a wire: what the coordinator does to its tensors afterwards does not reach the devices.
    const copy = { ...request, tensors: request.tensors.map(copyTensor) };
    for (const id of devices) this.#toDevice(id, copy);
  }

  cancel(devices: readonly DeviceId[], request: CancelRequest): void {
    for (const id of devices) this.#toDevice(id, request);
  }

  /** Something on a connection, for whoever speaks on it: delivered once, unless the link or an end fails. */
  send(connection: Connection, way: Direction, lossy: boolean, deliver: () => void): void {
    const { device } = connection;
    const link = device.link[way];
    // TCP loses nothing on a connection that survives; what is lost are messages that an agent's emulated faults drop.
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

  /** A partition healed: what was held goes on its way. */
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
      device.receive(message, (answer) => this.#fromDevice(connection, answer)),
    );
  }

  #fromDevice(asked: Connection, message: FromDevice): void {
    const { device } = asked;
    // An agent that answers late does so on the connection that it has now.
    const connection = device.traits.answersAfterReconnect ? this.#current.get(device.id) : asked;
    if (!connection?.openAtDevice || connection.life !== device.life) return;
    this.send(connection, 'fromDevice', true, () => {
      this.trace.note(message.kind, device.id, message.request, message.task);
      this.#listener?.received(device, message);
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
