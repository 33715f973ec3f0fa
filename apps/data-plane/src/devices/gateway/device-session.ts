import type {
  ControlToDevice,
  DeviceAuth,
  DeviceStatistics,
  DeviceToControl,
  DeviceToTensors,
  Hello,
  TensorsToDevice,
} from '@sparewheel/protocol';
import type { Namespace, Socket } from 'socket.io';
import type { TensorLink } from './tensor-link.ts';

/** What the handshake of a socket proved. */
export interface DeviceSocketData {
  auth: DeviceAuth;
}
type NoEvents = Record<string, never>;
export type ControlNamespace = Namespace<DeviceToControl, ControlToDevice, NoEvents, DeviceSocketData>;
export type TensorsNamespace = Namespace<DeviceToTensors, TensorsToDevice, NoEvents, DeviceSocketData>;
export type ControlSocket = Socket<DeviceToControl, ControlToDevice, NoEvents, DeviceSocketData>;
export type SocketIoTensors = Socket<DeviceToTensors, TensorsToDevice, NoEvents, DeviceSocketData>;

/** Weight of a new sample in the smoothed round trip. */
const SMOOTHING = 1 / 4;

/** One incarnation of a device process: its two connections and its reports. */
export class DeviceSession {
  readonly device: string;
  readonly incarnation: string;
  readonly auth: DeviceAuth;
  control: ControlSocket | null = null;
  tensors: TensorLink | null = null;
  hello: Hello | null = null;
  statistics: DeviceStatistics | null = null;
  /** Whether the coordinator knows that the device is connected. */
  up = false;
  roundTripMs: number | null = null;
  lastSeenAt: number;
  /** Aborted when the device goes down, which rejects pending acknowledgements. */
  #down = new AbortController();

  constructor(auth: DeviceAuth, now: number) {
    this.auth = auth;
    this.device = auth.device.id;
    this.incarnation = auth.incarnation;
    this.lastSeenAt = now;
  }

  get complete(): boolean {
    return this.control !== null && this.tensors !== null && this.hello !== null;
  }

  get down(): AbortSignal {
    return this.#down.signal;
  }

  setUp(): void {
    this.up = true;
    this.#down = new AbortController();
  }

  setDown(reason: string): void {
    this.up = false;
    this.#down.abort(new Error(reason));
  }

  /**
   * Measures the pings of the connection. This needs no extra messages, and it includes the delay of a busy
   * event loop on the device.
   */
  timeRoundTrips(socket: ControlSocket, monotonicNow: () => number, wallNow: () => number): void {
    let sentAt = 0;
    socket.conn.on('packetCreate', ({ type }) => {
      if (type === 'ping') sentAt = monotonicNow();
    });
    socket.conn.on('packet', ({ type }) => {
      this.lastSeenAt = wallNow();
      if (type !== 'pong') return;
      const sample = monotonicNow() - sentAt;
      this.roundTripMs =
        this.roundTripMs === null ? sample : this.roundTripMs + SMOOTHING * (sample - this.roundTripMs);
    });
  }

  disconnect(): void {
    this.control?.disconnect(true);
    this.tensors?.close();
  }
}
