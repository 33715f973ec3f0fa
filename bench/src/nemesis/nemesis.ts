import type { Product } from '@sparewheel/e2e/product';
import type { CheckedLoad } from './checked-load.ts';
import type { Checker } from './checker.ts';
import { Fleet, Guest } from './fleet.ts';
import { cutSockets, disturbNetwork, fillDisk, type HostFaults } from './host.ts';
import type { Episode } from './schedule.ts';

export interface NemesisOptions {
  readonly checker: Checker;
  readonly host: HostFaults;
  readonly load: CheckedLoad;
  /** Deployments that are always under load. */
  readonly deployments: readonly string[];
  readonly devices: number;
  /** The small disk's folder and its device's number; null if there is no such disk. */
  readonly smallDisk: { readonly folder: string; readonly device: number } | null;
  /** Starts the killed product again in the same home. */
  readonly restart: (killed: Product) => Promise<Product>;
}

export const TEMPORARY_DEPLOYMENT = 'temporary';
/** Longer than the ping timeout, so that the supervisor's connection is closed. */
const SUPERVISOR_PAUSE_MS = 6_500;

/** Plays fault episodes on the running product, and tells the checker how many devices are faulty. */
export class Nemesis {
  readonly #options: NemesisOptions;
  readonly #fleet: Fleet;
  #product: Product;
  /** After a kill of the control plane: from the start of the command to the first correct answer. */
  readonly restartMs: number[] = [];
  /** From the end of each episode to a healthy fleet. */
  readonly recoveryMs: number[] = [];
  #guests = 0;

  constructor(product: Product, options: NemesisOptions) {
    this.#product = product;
    this.#options = options;
    this.#fleet = new Fleet(() => this.#product, options.deployments);
  }

  get product(): Product {
    return this.#product;
  }

  untilHealthy(): Promise<void> {
    return this.#fleet.untilHealthy();
  }

  /** Plays one episode, and waits until the fleet is healthy. @throws {Error} the fleet does not recover */
  async play(episode: Episode): Promise<void> {
    await this.#run(episode);
    const endedAt = performance.now();
    await this.#fleet.untilHealthy();
    this.recoveryMs.push(performance.now() - endedAt);
    // A request sent before a device came back misses that device, and the next fault could take another one.
    await this.#untilInFlightEnded();
    this.#options.checker.setDown(0);
  }

  async #run(episode: Episode): Promise<void> {
    const { checker, host, devices } = this.#options;
    switch (episode.kind) {
      case 'devices':
        return this.#faultDevices(episode);
      case 'corrupt':
        return this.#corruptDevice(episode);
      case 'supervisor':
        checker.fault(`supervisor ${episode.how}`);
        return this.#faultSupervisor(episode, devices);
      case 'redeploy':
        return this.#redeploy(episode);
      case 'join':
        return this.#joinAndLeave(episode);
      case 'network': {
        checker.fault(`network ${host.network![0]}`);
        const undo = disturbNetwork(host.network!);
        await pause(episode.holdMs);
        undo();
        return;
      }
      case 'policy':
        checker.fault('policy change');
        await this.#setPolicy({ waitMs: episode.waitMs });
        await pause(episode.holdMs);
        return this.#setPolicy({ waitMs: 'any-k' });
      case 'control-plane-kill':
        return this.#killControlPlane();
    }
  }

  async #faultDevices({ victims, spreadMs, holdMs, endOrder }: Episode & { kind: 'devices' }): Promise<void> {
    const { checker } = this.#options;
    const endFault = new Map<number, () => Promise<void>>();
    // Before the first fault, because a request sent now may meet all of them.
    checker.setDown(victims.length);
    await Promise.all(
      victims.map(async ({ device, fault }, index) => {
        await pause((spreadMs * index) / victims.length);
        checker.fault('via' in fault ? `${fault.kind} by ${fault.via}` : fault.kind);
        endFault.set(device, await this.#fleet.inject(device, fault));
      }),
    );
    await pause(holdMs);
    for (const device of endOrder) await endFault.get(device)?.();
  }

  async #corruptDevice({ device, amount, holdMs }: Episode & { kind: 'corrupt' }): Promise<void> {
    const { checker } = this.#options;
    await this.#setPolicy({ verify: 'before' });
    // Earlier requests are verified only after the answer, so none of them may meet the corrupt device.
    await this.#untilInFlightEnded();
    checker.setDown(1);
    checker.fault('corrupt');
    const endCorruption = await this.#fleet.corrupt(device, amount);
    await pause(holdMs);
    await endCorruption();
    await this.#fleet.untilHealthy();
    await this.#setPolicy({ verify: 'after' });
  }

  async #faultSupervisor({ how, holdMs }: Episode & { kind: 'supervisor' }, devices: number): Promise<void> {
    const processId = await this.#fleet.supervisorProcess();
    if (how === 'cut-sockets') {
      cutSockets(processId, this.#product.ports.data);
      await pause(holdMs);
    } else if (how === 'pause') {
      process.kill(processId, 'SIGSTOP');
      await pause(SUPERVISOR_PAUSE_MS);
      process.kill(processId, 'SIGCONT');
    } else {
      // All its devices end with the supervisor.
      this.#options.checker.setDown(devices);
      process.kill(processId, 'SIGKILL');
      await pause(holdMs);
    }
  }

  async #redeploy({ diskFull, holdMs }: Episode & { kind: 'redeploy' }): Promise<void> {
    const { checker, load, smallDisk } = this.#options;
    checker.fault(diskFull ? 'disk full' : 'redeploy');
    const full = diskFull && smallDisk !== null ? smallDisk : null;
    const freeDisk = full === null ? () => {} : fillDisk(full.folder);
    try {
      const devices: string[] = [];
      if (full !== null) {
        devices.push((await this.#fleet.device(full.device)).id);
        for (const other of [0, 1, 2]) devices.push((await this.#fleet.device(other)).id);
      }
      const { status, body } = await this.#product.api('/api/deployments', {
        method: 'POST',
        json: {
          name: TEMPORARY_DEPLOYMENT,
          model: 'lenet5',
          k: 3,
          r: 1,
          layers: 'all',
          ...(full ? { devices } : {}),
        },
      });
      if (status !== 202) throw new Error(`deploy failed: ${status} ${JSON.stringify(body)}`);
      // The device with the full disk cannot load its shard; a standby takes over the seat.
      await this.#product.deploymentState(TEMPORARY_DEPLOYMENT, 'ready', 30_000);
      for (let request = 0; request < 5; request++) await load.once(TEMPORARY_DEPLOYMENT, request);
      await pause(holdMs);
      await this.#product.api(`/api/deployments/${TEMPORARY_DEPLOYMENT}`, { method: 'DELETE' });
    } finally {
      freeDisk();
    }
  }

  /**
   * The guest leaves only after the killed device is back, so that at most one device is missing at any time.
   */
  async #joinAndLeave({ clock, victim, leave, holdMs }: Episode & { kind: 'join' }): Promise<void> {
    const { checker } = this.#options;
    checker.fault(clock === 'jumping' ? 'join with a jumping clock' : 'join');
    const guest = await Guest.join(this.#product, `guest-${++this.#guests}`, clock);
    try {
      checker.setDown(1);
      checker.fault('kill by signal');
      const revive = await this.#fleet.inject(victim, { kind: 'kill', via: 'signal' });
      await pause(holdMs);
      await revive();
      await this.#fleet.untilHealthy();
      checker.fault(`leave ${leave}`);
    } finally {
      await guest.leave(leave);
    }
  }

  async #killControlPlane(): Promise<void> {
    const { checker, load, restart, deployments } = this.#options;
    checker.fault('control plane kill');
    checker.setDown(Number.POSITIVE_INFINITY);
    await this.#product.killControlPlane();
    const startedAt = performance.now();
    this.#product = await restart(this.#product);
    for (const name of deployments) {
      while ((await load.once(name)).kind !== 'correct') await pause(20);
    }
    this.restartMs.push(performance.now() - startedAt);
  }

  async #untilInFlightEnded(): Promise<void> {
    const ended = this.#options.checker.inFlightNow();
    while (!ended()) await pause(5);
  }

  async #setPolicy(policy: object): Promise<void> {
    for (const name of this.#options.deployments) {
      const { status, body } = await this.#product.api(`/api/deployments/${name}`, {
        method: 'PATCH',
        json: { policy },
      });
      if (status >= 300)
        throw new Error(`policy change of ${name} failed: ${status} ${JSON.stringify(body)}`);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
