import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Product, repositoryRoot } from '@sparewheel/e2e/product';
import type { DeviceView, FaultRequest } from '@sparewheel/protocol';
import { cutSockets } from './host.ts';
import type { DeviceFault } from './schedule.ts';

/** Time for a device process to start, connect and load its shards. */
const RECOVERY_TIMEOUT_MS = 45_000;
const JOIN_TIMEOUT_MS = 30_000;

/** The product's local devices, to which the nemesis injects faults. */
export class Fleet {
  constructor(
    readonly product: () => Product,
    readonly deployments: readonly string[],
  ) {}

  async device(index: number): Promise<DeviceView> {
    const name = `local-${index + 1}`;
    const found = (await this.product().devices()).find((device) => device.name === name);
    if (found === undefined) throw new Error(`no device ${name}`);
    return found;
  }

  /** Injects a fault without waiting for its effect. @returns a function that ends the fault */
  async inject(index: number, fault: DeviceFault): Promise<() => Promise<void>> {
    const device = await this.device(index);
    const byApi = (request: FaultRequest) => this.#fault(device, request);
    switch (fault.kind) {
      case 'kill':
        if (fault.via === 'api') await byApi({ kind: 'kill' });
        else signal(device, 'SIGKILL');
        return () => this.revive(device.id);
      case 'pause':
        if (fault.via === 'api') {
          await byApi({ kind: 'pause' });
          return () => byApi({ kind: 'resume' });
        }
        signal(device, 'SIGSTOP');
        return async () => signal(device, 'SIGCONT');
      case 'cut-sockets':
        cutSockets(processIdOf(device), this.product().ports.data);
        return async () => {};
      default:
        await byApi(fault);
        return () => byApi({ kind: 'heal' });
    }
  }

  /** Makes a device return wrong values. @returns a function that ends the fault and the quarantine */
  async corrupt(index: number, amount: number): Promise<() => Promise<void>> {
    const device = await this.device(index);
    await this.#fault(device, { kind: 'corrupt', amount, probability: 1 });
    return async () => {
      await this.#fault(device, { kind: 'heal' });
      // Releases the device from quarantine.
      await this.revive(device.id);
    };
  }

  async revive(id: string): Promise<void> {
    const { status, body } = await this.product().api(`/api/devices/${id}/revive`, { method: 'POST' });
    if (status >= 300) throw new Error(`revive of ${id}: ${status} ${JSON.stringify(body)}`);
  }

  /** Returns the process id of the local supervisor, the parent of the device processes. */
  async supervisorProcess(): Promise<number> {
    const { processId } = await this.device(0);
    const status = readFileSync(`/proc/${processId}/status`, 'utf8');
    return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
  }

  /**
   * Waits until every local device is ready and every deployment has all its seats.
   * @throws {Error} they are not within RECOVERY_TIMEOUT_MS
   */
  async untilHealthy(): Promise<void> {
    let missing = '';
    await this.product()
      .eventually(
        'a healthy fleet',
        async () => {
          const product = this.product();
          const notReady = (await product.devices()).filter(
            ({ name, state }) => state !== 'ready' && name.startsWith('local-'),
          );
          const states = await Promise.all(this.deployments.map((name) => product.deployment(name)));
          const incomplete = states.filter(({ state }) => state !== 'ready');
          missing = [
            ...notReady.map(({ name, state, reason }) => `${name} ${state} (${reason})`),
            ...incomplete.map(({ name, state, reason }) => `${name} ${state} (${reason})`),
          ].join(', ');
          return missing === '';
        },
        RECOVERY_TIMEOUT_MS,
      )
      .catch(() => {
        throw new Error(`not healthy ${RECOVERY_TIMEOUT_MS} ms after the last fault ended: ${missing}`);
      });
  }

  async #fault(device: DeviceView, fault: FaultRequest): Promise<void> {
    const { status, body } = await this.product().api(`/api/devices/${device.id}/faults`, {
      method: 'POST',
      json: fault,
    });
    if (status >= 300) throw new Error(`${fault.kind} of ${device.name}: ${status} ${JSON.stringify(body)}`);
  }
}

function processIdOf({ processId, name }: DeviceView): number {
  if (processId === null) throw new Error(`${name} has no process`);
  return processId;
}

function signal(device: DeviceView, name: NodeJS.Signals): void {
  process.kill(processIdOf(device), name);
}

/** An agent outside the local fleet that joins the running product and leaves it again. */
export class Guest {
  private constructor(
    readonly name: string,
    readonly child: ChildProcess,
    readonly home: string,
  ) {}

  /** Starts the agent and waits until the device is ready. */
  static async join(product: Product, name: string, clock: 'steady' | 'jumping'): Promise<Guest> {
    const home = mkdtempSync(join(tmpdir(), 'sparewheel-joiner-'));
    const url = `http://127.0.0.1:${product.ports.data}`;
    const agent = join(repositoryRoot, 'apps', 'agent', 'dist', 'agent.js');
    const jumping = fileURLToPath(new URL('./jumping-clock.mjs', import.meta.url));
    const child = spawn(process.execPath, [agent, '--url', url, '--name', name, '--home', home], {
      stdio: 'ignore',
      env: {
        ...process.env,
        SPAREWHEEL_JOIN_TOKEN: product.tokens.join,
        ...(clock === 'jumping' ? { NODE_OPTIONS: `--import ${jumping}` } : {}),
      },
    });
    const guest = new Guest(name, child, home);
    await product.eventually(
      `${name} ready`,
      async () =>
        (await product.devices()).some((device) => device.name === name && device.state === 'ready'),
      JOIN_TIMEOUT_MS,
    );
    return guest;
  }

  async leave(how: 'orderly' | 'killed'): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(how === 'orderly' ? 'SIGTERM' : 'SIGKILL');
      await once(this.child, 'exit');
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}
