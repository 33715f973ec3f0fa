import {
  type ControlToSupervisor,
  type Fault,
  NAMESPACES,
  type Outcome,
  parseEnded,
  parseOutcome,
  parseSupervisedDevices,
  parseSupervisorAuth,
  type SupervisedDevice,
  type SupervisorToControl,
} from '@sparewheel/protocol';
import type { Access } from '@sparewheel/runtime/access';
import type { Namespace, Server, Socket } from 'socket.io';
import { GATEWAY_LIMITS, RateLimit } from './gateway-limits.ts';
import {
  guardNamespace,
  HandshakeRefusedError,
  RefusalLog,
  readAuth,
  requireJoinToken,
} from './handshake.ts';

type SupervisorSocket = Socket<SupervisorToControl, ControlToSupervisor>;

/** The last report of a supervisor about one of its device processes. */
export interface Supervision extends SupervisedDevice {
  /** How the process ended, for example "killed by SIGKILL". null while it runs. */
  readonly ended: string | null;
}

export interface SupervisorsObserver {
  refused(device: string | null, message: string): void;
  changed(): void;
}

/**
 * The connected supervisors. Each controls the device processes of one machine: it can kill and revive them.
 */
export class Supervisors {
  readonly #access: Access;
  readonly #observer: SupervisorsObserver;
  readonly #refusals: RefusalLog;
  readonly #devices = new Map<string, { socket: SupervisorSocket; supervision: Supervision }>();
  #connected = 0;

  constructor(io: Server, access: Access, observer: SupervisorsObserver) {
    this.#access = access;
    this.#observer = observer;
    this.#refusals = new RefusalLog((device, message) => observer.refused(device, message));
    const namespace = io.of(NAMESPACES.supervisor) as unknown as Namespace<
      SupervisorToControl,
      ControlToSupervisor
    >;
    guardNamespace(namespace as unknown as Namespace, this.#refusals, (socket) => this.#admit(socket));
    namespace.on('connection', (socket) => this.#attach(socket));
  }

  /** Returns the last report about a device. undefined if no connected supervisor controls the device. */
  of(device: string): Supervision | undefined {
    return this.#devices.get(device)?.supervision;
  }

  /**
   * Sends a command for a device process to its supervisor.
   * @returns the outcome of the supervisor, or `gone` if it does not answer
   */
  command(device: string, kind: 'kill' | 'pause' | 'resume' | 'revive'): Promise<Outcome> {
    return this.#send(device, kind, { id: device });
  }

  /**
   * Sets an emulated fault through the supervisor: a partitioned device receives nothing on its own
   * connections.
   */
  fault(device: string, fault: Fault): Promise<Outcome> {
    return this.#send(device, 'fault', { id: device, fault });
  }

  async #send(device: string, event: keyof ControlToSupervisor, message: object): Promise<Outcome> {
    const gone = {
      ok: false,
      code: 'gone',
      message: `the supervisor of device ${device} does not answer`,
    } as const;
    const entry = this.#devices.get(device);
    if (entry === undefined) return gone;
    const emitter = entry.socket.timeout(GATEWAY_LIMITS.acknowledgeMs) as unknown as {
      emit(event: string, message: object, done: (error: Error | null, outcome: unknown) => void): void;
    };
    return new Promise((resolve) => {
      emitter.emit(event, message, (error, outcome) => {
        if (error !== null) {
          resolve(gone);
          return;
        }
        try {
          resolve(parseOutcome(outcome));
        } catch (invalid) {
          this.#misconduct(entry.socket, (invalid as Error).message);
          resolve(gone);
        }
      });
    });
  }

  #admit(socket: Socket): void {
    const { token } = readAuth(socket, parseSupervisorAuth);
    requireJoinToken(this.#access, token);
    if (this.#connected >= GATEWAY_LIMITS.supervisors) {
      throw new HandshakeRefusedError('unavailable', 'too many supervisors are connected');
    }
  }

  #attach(socket: SupervisorSocket): void {
    this.#connected++;
    const limit = new RateLimit(GATEWAY_LIMITS.controlMessagesPerSecond, performance.now());
    const guarded = (work: () => void): void => {
      try {
        if (!limit.take(performance.now())) throw new Error('flood of messages');
        work();
        this.#observer.changed();
      } catch (error) {
        this.#misconduct(socket, (error as Error).message);
      }
    };
    socket.on('devices', (message) => guarded(() => this.#report(socket, parseSupervisedDevices(message))));
    socket.on('ended', (message) =>
      guarded(() => {
        const { id, exitCode, signal } = parseEnded(message);
        const entry = this.#devices.get(id);
        if (entry?.socket !== socket) return;
        const ended = signal === null ? `ended with exit code ${exitCode}` : `killed by ${signal}`;
        entry.supervision = { ...entry.supervision, running: false, processId: null, ended };
      }),
    );
    (socket as unknown as Socket).on('error', (error: unknown) =>
      this.#misconduct(socket, error instanceof Error ? error.message : "unknown event 'error'"),
    );
    socket.on('disconnect', () => {
      this.#connected--;
      for (const [id, entry] of this.#devices) if (entry.socket === socket) this.#devices.delete(id);
      this.#observer.changed();
    });
  }

  /**
   * Replaces the device list of a supervisor. A device in the lists of two supervisors belongs to the newer
   * report.
   */
  #report(socket: SupervisorSocket, devices: readonly SupervisedDevice[]): void {
    const listed = new Set(devices.map(({ id }) => id));
    for (const [id, entry] of this.#devices) {
      if (entry.socket === socket && !listed.has(id)) this.#devices.delete(id);
    }
    for (const device of devices) {
      const before = this.#devices.get(device.id)?.supervision.ended ?? null;
      const ended = device.running ? null : (before ?? 'not running');
      this.#devices.set(device.id, { socket, supervision: { ...device, ended } });
    }
  }

  #misconduct(socket: SupervisorSocket, what: string): void {
    this.#refusals.add(null, 'misconduct', `a supervisor violated the protocol: ${what}`, performance.now());
    socket.disconnect(true);
  }
}
