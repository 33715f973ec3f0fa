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

/** What a socket's handshake proved. */
export interface AgentSocketData {
  auth: DeviceAuth;
}
type NoEvents = Record<string, never>;
export type ControlNamespace = Namespace<DeviceToControl, ControlToDevice, NoEvents, AgentSocketData>;
export type TensorsNamespace = Namespace<DeviceToTensors, TensorsToDevice, NoEvents, AgentSocketData>;
export type ControlSocket = Socket<DeviceToControl, ControlToDevice, NoEvents, AgentSocketData>;
export type TensorsSocket = Socket<DeviceToTensors, TensorsToDevice, NoEvents, AgentSocketData>;

/** Weight of a new round trip in the smoothed one. */
const SMOOTHING = 1 / 4;

/** One life of a device process: its two connections and what it said of itself. */
export class AgentSession {
  readonly device: string;
  readonly incarnation: string;
  readonly auth: DeviceAuth;
  control: ControlSocket | null = null;
  tensors: TensorsSocket | null = null;
  hello: Hello | null = null;
  statistics: DeviceStatistics | null = null;
  /** Whether the coordinator was told that the device is there. */
  up = false;
  roundTripMs: number | null = null;
  lastSeenAt: number;
  /** Aborted when the device goes down: whoever waits for an acknowledgement need not wait any longer. */
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

  /** Times the connection's own pings: no message more, and it shows how busy the device's event loop is. */
  timeRoundTrips(socket: TensorsSocket, monotonicNow: () => number, wallNow: () => number): void {
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
    this.tensors?.disconnect(true);
  }
}
