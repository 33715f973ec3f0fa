import type { Product } from '@sparewheel/e2e/product';
import type { CheckedLoad } from './checked-load.ts';
import { Fleet } from './fleet.ts';
import { cutSockets, disturbNetwork, fillDisk, type HostFaults } from './host.ts';
import { Joiner } from './joiner.ts';
import type { Episode } from './schedule.ts';
import type { Tally } from './tally.ts';

export interface NemesisParts {
  readonly tally: Tally;
  readonly host: HostFaults;
  readonly load: CheckedLoad;
  /** Under load all the time. */
  readonly deployments: readonly string[];
  readonly devices: number;
  /** The small disk's folder and the number of its device. */
  readonly smallDisk: { readonly folder: string; readonly device: number } | null;
  /** Starts the product again in its home after it was killed. */
  readonly restart: (killed: Product) => Promise<Product>;
}

const PASSING = 'passing';
/** Under the ping timeout it is only slow; this is gone. */
const SUPERVISOR_PAUSE_MS = 6_500;

/** Carries episodes out on the running product, and keeps the books of how many devices are not well. */
export class Nemesis {
  readonly #parts: NemesisParts;
  readonly #fleet: Fleet;
  #product: Product;
  /** Milliseconds from the start of the command to the first right answer after the control plane was killed. */
  readonly returnsMs: number[] = [];
  readonly wholeAgainMs: number[] = [];
  #guests = 0;

  constructor(product: Product, parts: NemesisParts) {
    this.#product = product;
    this.#parts = parts;
    this.#fleet = new Fleet(() => this.#product, parts.deployments);
  }

  get product(): Product {
    return this.#product;
  }

  whole(): Promise<void> {
    return this.#fleet.whole();
  }

  /** One episode, until everything is whole again. @throws {Error} it does not become whole */
  async play(episode: Episode): Promise<void> {
    await this.#carryOut(episode);
    const mended = performance.now();
    await this.#fleet.whole();
    this.wholeAgainMs.push(performance.now() - mended);
    // A request from before a device was back misses that one, and would lose another to the next fault.
    await this.#underWayHaveEnded();
    this.#parts.tally.setDown(0);
  }

  async #carryOut(episode: Episode): Promise<void> {
    const { tally, host, devices } = this.#parts;
    switch (episode.kind) {
      case 'devices':
        return this.#hurtDevices(episode);
      case 'corrupt':
        return this.#lie(episode);
      case 'supervisor':
        tally.fault(`supervisor ${episode.how}`);
        return this.#hurtSupervisor(episode, devices);
      case 'redeploy':
        return this.#redeploy(episode);
      case 'join':
        return this.#joinAndLeave(episode);
      case 'network': {
        tally.fault(`network ${host.network![0]}`);
        const undo = disturbNetwork(host.network!);
        await pause(episode.holdMs);
        undo();
        return;
      }
      case 'policy':
        tally.fault('policy change');
        await this.#setPolicy({ waitMs: episode.waitMs });
        await pause(episode.holdMs);
        return this.#setPolicy({ waitMs: 'any-k' });
      case 'control-plane-kill':
        return this.#killControlPlane();
    }
  }

  async #hurtDevices({ victims, spreadMs, holdMs, mendOrder }: Episode & { kind: 'devices' }): Promise<void> {
    const { tally } = this.#parts;
    const mend = new Map<number, () => Promise<void>>();
    // Before the first of them: a request that is sent now may meet all of them.
    tally.setDown(victims.length);
    await Promise.all(
      victims.map(async ({ device, fault }, index) => {
        await pause((spreadMs * index) / victims.length);
        tally.fault('via' in fault ? `${fault.kind} by ${fault.via}` : fault.kind);
        mend.set(device, await this.#fleet.inflict(device, fault));
      }),
    );
    await pause(holdMs);
    for (const device of mendOrder) await mend.get(device)?.();
  }

  async #lie({ device, amount, holdMs }: Episode & { kind: 'corrupt' }): Promise<void> {
    const { tally } = this.#parts;
    await this.#setPolicy({ verify: 'before' });
    // Requests from before the change are checked after they are answered; none of them may meet the liar.
    await this.#underWayHaveEnded();
    tally.setDown(1);
    tally.fault('corrupt');
    const heal = await this.#fleet.corrupt(device, amount);
    await pause(holdMs);
    await heal();
    await this.#fleet.whole();
    await this.#setPolicy({ verify: 'after' });
  }

  async #hurtSupervisor({ how, holdMs }: Episode & { kind: 'supervisor' }, devices: number): Promise<void> {
    const processId = await this.#fleet.supervisorProcess();
    if (how === 'cut-sockets') {
      cutSockets(processId, this.#product.ports.data);
      await pause(holdMs);
    } else if (how === 'pause') {
      process.kill(processId, 'SIGSTOP');
      await pause(SUPERVISOR_PAUSE_MS);
      process.kill(processId, 'SIGCONT');
    } else {
      // All its devices end with it.
      this.#parts.tally.setDown(devices);
      process.kill(processId, 'SIGKILL');
      await pause(holdMs);
    }
  }

  async #redeploy({ diskFull, holdMs }: Episode & { kind: 'redeploy' }): Promise<void> {
    const { tally, load, smallDisk } = this.#parts;
    tally.fault(diskFull ? 'disk full' : 'redeploy');
    const full = diskFull && smallDisk !== null ? smallDisk : null;
    const empty = full === null ? () => {} : fillDisk(full.folder);
    try {
      const devices: string[] = [];
      if (full !== null) {
        devices.push((await this.#fleet.device(full.device)).id);
        for (const other of [0, 1, 2]) devices.push((await this.#fleet.device(other)).id);
      }
      const { status, body } = await this.#product.api('/api/deployments', {
        method: 'POST',
        json: { name: PASSING, model: 'lenet5', k: 3, r: 1, layers: 'all', ...(full ? { devices } : {}) },
      });
      if (status !== 202) throw new Error(`deploy: ${status} ${JSON.stringify(body)}`);
      // A seat on the full disk cannot be had; a spare takes it.
      await this.#product.deploymentState(PASSING, 'ready', 30_000);
      for (let request = 0; request < 5; request++) await load.once(PASSING, request);
      await pause(holdMs);
      await this.#product.api(`/api/deployments/${PASSING}`, { method: 'DELETE' });
    } finally {
      empty();
    }
  }

  /** The newcomer leaves only when the one that was killed is back: at no moment are two of them missing. */
  async #joinAndLeave({ clock, victim, leave, holdMs }: Episode & { kind: 'join' }): Promise<void> {
    const { tally } = this.#parts;
    tally.fault(clock === 'jumping' ? 'join with a jumping clock' : 'join');
    const joiner = await Joiner.join(this.#product, `guest-${++this.#guests}`, clock);
    try {
      tally.setDown(1);
      tally.fault('kill by signal');
      const revive = await this.#fleet.inflict(victim, { kind: 'kill', via: 'signal' });
      await pause(holdMs);
      await revive();
      await this.#fleet.whole();
      tally.fault(`leave ${leave}`);
    } finally {
      await joiner.leave(leave);
    }
  }

  async #killControlPlane(): Promise<void> {
    const { tally, load, restart, deployments } = this.#parts;
    tally.fault('control plane kill');
    tally.setDown(Number.POSITIVE_INFINITY);
    await this.#product.killControlPlane();
    const startedAt = performance.now();
    this.#product = await restart(this.#product);
    for (const name of deployments) {
      while ((await load.once(name)).kind !== 'right') await pause(20);
    }
    this.returnsMs.push(performance.now() - startedAt);
  }

  async #underWayHaveEnded(): Promise<void> {
    const ended = this.#parts.tally.openNow();
    while (!ended()) await pause(5);
  }

  async #setPolicy(policy: object): Promise<void> {
    for (const name of this.#parts.deployments) {
      const { status, body } = await this.#product.api(`/api/deployments/${name}`, {
        method: 'PATCH',
        json: { policy },
      });
      if (status >= 300) throw new Error(`policy of ${name}: ${status} ${JSON.stringify(body)}`);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
