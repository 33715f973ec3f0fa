import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection, refusalOf } from '@sparewheel/device';
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
import type { AgentOptions } from './command-line.ts';
import { DeviceProcess } from './device-process.ts';
import { lockHome } from './home-lock.ts';
import { loadIdentity } from './identity.ts';

/** The data plane will not have this agent, however often it asks. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/**
 * Looks after the device processes of one machine: starts them, reports those that end, and does to them what the
 * data plane asks for.
 */
export class Supervisor {
  readonly #devices = new Map<string, DeviceProcess>();
  readonly #unlock: (() => Promise<void>)[] = [];
  readonly #connection: Connection;
  readonly #log: (message: string) => void;
  #unreachable = false;
  #stopped = false;

  /**
   * @param log  told what a person may want to know
   * @param onRefused  told that the data plane refused this agent; nothing will change that, stop it
   */
  constructor(
    options: Pick<AgentOptions, 'url' | 'token'>,
    log: (message: string) => void,
    onRefused: (error: RefusedError) => void,
  ) {
    this.#log = log;
    const auth: SupervisorAuth = { protocol: PROTOCOL_VERSION, token: options.token };
    this.#connection = new Connection(options.url, NAMESPACES.supervisor, auth);
    const { socket } = this.#connection;
    socket.on('connect', () => {
      this.#unreachable = false;
      log(`connected to ${options.url}`);
      this.#report();
    });
    socket.on('connect_error', (error) => {
      const refusal = refusalIn(error);
      if (refusal !== null) onRefused(new RefusedError(`${options.url} refuses this agent: ${refusal}`));
      else if (!this.#unreachable) log(`cannot reach ${options.url} (${reasonOf(error)}); keeps trying`);
      this.#unreachable = true;
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
   * @throws {HomeInUseError} one of the devices' folders belongs to another agent; nothing was started
   */
  async start(options: AgentOptions): Promise<void> {
    const prepared: DeviceProcess[] = [];
    for (const name of options.deviceNames) prepared.push(await this.#prepare(options, name));
    for (const device of prepared) device.revive();
    this.#connection.open();
  }

  /** Ends every device and gives the folders back. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#connection.close();
    // SIGKILL reaches a paused device too, and a device that dies at any instant is what all of this is made for.
    await Promise.all([...this.#devices.values()].map((device) => device.kill()));
    for (const unlock of this.#unlock.splice(0)) await unlock();
  }

  async #prepare({ url, token, home }: AgentOptions, name: string): Promise<DeviceProcess> {
    const folder = join(home, 'devices', name);
    await mkdir(folder, { recursive: true });
    this.#unlock.push(await lockHome(folder));
    const identity = await loadIdentity(folder);
    const device = new DeviceProcess(
      { url, token, name, identity, folder },
      {
        started: () => this.#report(),
        ended: (exitCode, signal) => {
          this.#connection.send('ended', { id: identity.id, exitCode, signal });
          this.#report();
        },
        log: (message) => {
          if (!this.#stopped) this.#log(`${name}: ${message}`);
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

  #on(command: string, carryOut: (device: DeviceProcess) => Outcome | Promise<Outcome>): void {
    this.#connection.socket.on(command, (message: unknown, acknowledge: unknown) =>
      answer(acknowledge, async () => carryOut(this.#deviceOf(parseDeviceCommand(message).id))),
    );
  }

  #deviceOf(id: string): DeviceProcess {
    const device = this.#devices.get(id);
    if (device === undefined) throw new Error(`no device ${id} on this machine`);
    return device;
  }
}

async function answer(acknowledge: unknown, carryOut: () => Promise<Outcome>): Promise<void> {
  const outcome = await carryOut().catch(refusalOf);
  if (typeof acknowledge === 'function') acknowledge(outcome);
}

/** The data plane's own no, unless it may pass; null where the network is what failed. */
function refusalIn(error: Error & { data?: unknown; type?: unknown }): string | null {
  const notThere = error.type === 'TransportError' || error.message === 'timeout';
  // Socket.IO's own words for a namespace that is not set up, as in a data plane that is still starting.
  if (notThere || error.message === 'Invalid namespace') return null;
  try {
    const refusal = parseHandshakeRefusal(error.data);
    return refusal.code === 'unavailable' ? null : refusal.message;
  } catch {
    return error.message;
  }
}

/** engine.io says "websocket error" and hides the cause two levels down. */
function reasonOf(error: Error & { description?: { error?: NodeJS.ErrnoException } }): string {
  const cause = error.description?.error;
  return cause?.code ?? cause?.message ?? error.message;
}
