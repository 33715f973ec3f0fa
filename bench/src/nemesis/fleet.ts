/** The product's local devices as the nemesis sees and hurts them. */
import { readFileSync } from 'node:fs';
import type { Product } from '@sparewheel/e2e/product';
import type { DeviceView, FaultRequest } from '@sparewheel/protocol';
import { cutSockets } from './host.ts';
import type { DeviceFault } from './schedule.ts';

/** A fleet that is whole is so within a start of a process, its connections, and the loading of its shards. */
const WHOLE_WITHIN_MS = 45_000;

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

  /** Does it, without waiting for what comes of it. @returns undoes it */
  async inflict(index: number, fault: DeviceFault): Promise<() => Promise<void>> {
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

  async corrupt(index: number, amount: number): Promise<() => Promise<void>> {
    const device = await this.device(index);
    await this.#fault(device, { kind: 'corrupt', amount, probability: 1 });
    return async () => {
      await this.#fault(device, { kind: 'heal' });
      // For a device in quarantine this is a pardon.
      await this.revive(device.id);
    };
  }

  async revive(id: string): Promise<void> {
    const { status, body } = await this.product().api(`/api/devices/${id}/revive`, { method: 'POST' });
    if (status >= 300) throw new Error(`revive of ${id}: ${status} ${JSON.stringify(body)}`);
  }

  /** The local supervisor's process: the parent of the device processes. */
  async supervisorProcess(): Promise<number> {
    const { processId } = await this.device(0);
    const status = readFileSync(`/proc/${processId}/status`, 'utf8');
    return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
  }

  /** Resolves when every device of the fleet, guests left out, answers and every deployment has all its seats. */
  async whole(): Promise<void> {
    let missing = '';
    await this.product()
      .eventually(
        'a whole fleet',
        async () => {
          const product = this.product();
          const ill = (await product.devices()).filter(
            ({ name, state }) => state !== 'ready' && name.startsWith('local-'),
          );
          const states = await Promise.all(this.deployments.map((name) => product.deployment(name)));
          const gaps = states.filter(({ state }) => state !== 'ready');
          missing = [
            ...ill.map(({ name, state, reason }) => `${name} ${state} (${reason})`),
            ...gaps.map(({ name, state, reason }) => `${name} ${state} (${reason})`),
          ].join(', ');
          return missing === '';
        },
        WHOLE_WITHIN_MS,
      )
      .catch(() => {
        throw new Error(`not whole within ${WHOLE_WITHIN_MS} ms after the last fault was mended: ${missing}`);
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
