import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection, failureOutcome } from '@sparewheel/device';
import {
  NAMESPACES,
  type Outcome,
  PROTOCOL_VERSION,
  parseDeviceCommand,
  parseDeviceFault,
  parseHandshakeRefusal,
  type SupervisedDevice,
  type SupervisorAuth,
} from '@sparewheel/protocol';
import { systemClock } from '@sparewheel/runtime/clock';
import type { Log } from '@sparewheel/runtime/log';
import type { AgentOptions } from './command-line.ts';
import { loadIdentity, lockFolder } from './device-folder.ts';
import { DeviceProcess } from './device-process.ts';
import { wrongAddress } from './wrong-address.ts';

/** The options of an agent that knows its data plane. */
export type JoinOptions = AgentOptions & { readonly url: string };

/** The data plane refused this agent. A retry does not help. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** The failed attempt that is logged. The local fleet starts before the data plane listens, so the first ones fail. */
const REPORTED_ATTEMPT = 4;

/** Runs the device processes of one machine: starts them, reports their ends, and executes the data plane's commands. */
export class Supervisor {
  readonly #devices = new Map<string, DeviceProcess>();
  readonly #unlock: (() => Promise<void>)[] = [];
  readonly #connection: Connection;
  readonly #log: Log;
  /** Attempts without a connection since the last one. */
  #failedAttempts = 0;
  #stopped = false;

  /**
   * @param onRefused  called when the data plane refuses this agent; the caller stops the supervisor
   */
  constructor(
    options: Pick<JoinOptions, 'url' | 'token'>,
    log: Log,
    onRefused: (error: RefusedError) => void,
  ) {
    this.#log = log;
    const auth: SupervisorAuth = { protocol: PROTOCOL_VERSION, token: options.token };
    this.#connection = new Connection(options.url, NAMESPACES.supervisor, auth);
    const { socket } = this.#connection;
    socket.on('connect', () => {
      this.#failedAttempts = 0;
      log.info(`connected to ${options.url}`);
      this.#report();
    });
    socket.on('connect_error', (error) => {
      const refusal = refusalIn(error);
      if (refusal !== null) onRefused(new RefusedError(`${options.url} refused this agent: ${refusal}`));
      else if (++this.#failedAttempts === REPORTED_ATTEMPT) void this.#explain(options, error, onRefused);
    });
    this.#on('kill', (device) => device.kill());
    this.#on('pause', (device) => device.pause());
    this.#on('resume', (device) => device.resume());
    this.#on('revive', (device) => device.revive());
    socket.on('fault', (message: unknown, acknowledge: unknown) =>
      answer(acknowledge, async () => {
        const { id, fault } = parseDeviceFault(message);
        return this.#deviceOf(id).fault(fault);
      }),
    );
  }

  /**
   * Starts every device and connects.
   * @throws {FolderInUseError} another agent uses the folder of a device; no device was started
   */
  async start(options: JoinOptions): Promise<void> {
    const prepared: DeviceProcess[] = [];
    for (const name of options.deviceNames) prepared.push(await this.#prepare(options, name));
    for (const device of prepared) device.revive();
    this.#connection.open();
  }

  /** Kills every device and unlocks the folders. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#connection.close();
    // A kill also ends paused devices. It is safe: devices tolerate a crash at any time.
    await Promise.all([...this.#devices.values()].map((device) => device.kill()));
    for (const unlock of this.#unlock.splice(0)) await unlock();
  }

  /** Logs why there is no connection, or gives up on an address that cannot work. */
  async #explain(
    { url, token }: Pick<JoinOptions, 'url' | 'token'>,
    error: Error,
    onRefused: (error: RefusedError) => void,
  ): Promise<void> {
    const wrong = await wrongAddress(url, token);
    if (this.#stopped || this.#connection.socket.connected) return;
    if (wrong !== null) onRefused(new RefusedError(wrong));
    else this.#log.info(`cannot reach ${url} (${reasonOf(error)}); retrying`);
  }

  async #prepare(options: JoinOptions, name: string): Promise<DeviceProcess> {
    const { url, token, home, threads, memoryLimitBytes } = options;
    const folder = join(home, 'devices', name);
    await mkdir(folder, { recursive: true });
    this.#unlock.push(await lockFolder(folder));
    const identity = await loadIdentity(folder);
    const device = new DeviceProcess(
      {
        url,
        token,
        name,
        identity,
        folder,
        threads,
        ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
      },
      {
        started: () => this.#report(),
        ended: (exitCode, signal) => {
          this.#connection.send('ended', { id: identity.id, exitCode, signal });
          this.#report();
        },
        log: (message) => {
          if (!this.#stopped) this.#log.warn(`${name}: ${message}`);
        },
      },
      systemClock,
    );
    this.#devices.set(identity.id, device);
    return device;
  }

  #report(): void {
    const devices: SupervisedDevice[] = [...this.#devices].map(([id, device]) => ({
      id,
      name: device.settings.name,
      running: device.processId !== null,
      processId: device.processId,
    }));
    this.#connection.send('devices', devices);
  }

  #on(command: string, execute: (device: DeviceProcess) => Outcome | Promise<Outcome>): void {
    this.#connection.socket.on(command, (message: unknown, acknowledge: unknown) =>
      answer(acknowledge, async () => execute(this.#deviceOf(parseDeviceCommand(message).id))),
    );
  }

  #deviceOf(id: string): DeviceProcess {
    const device = this.#devices.get(id);
    if (device === undefined) throw new Error(`this machine does not run the device ${id}`);
    return device;
  }
}

async function answer(acknowledge: unknown, execute: () => Promise<Outcome>): Promise<void> {
  const outcome = await execute().catch(failureOutcome);
  if (typeof acknowledge === 'function') acknowledge(outcome);
}

/** Returns the data plane's permanent refusal; null if the network failed or a retry may help. */
function refusalIn(error: Error & { data?: unknown; type?: unknown }): string | null {
  const unreachable = error.type === 'TransportError' || error.message === 'timeout';
  // Socket.IO reports an invalid namespace while the data plane is starting.
  if (unreachable || error.message === 'Invalid namespace') return null;
  try {
    const refusal = parseHandshakeRefusal(error.data);
    return refusal.code === 'unavailable' ? null : refusal.message;
  } catch {
    return error.message;
  }
}

/** Returns the cause of a connection error. engine.io's own message is always "websocket error". */
function reasonOf(error: Error & { description?: { error?: NodeJS.ErrnoException } }): string {
  const cause = error.description?.error;
  return cause?.code ?? cause?.message ?? error.message;
}
