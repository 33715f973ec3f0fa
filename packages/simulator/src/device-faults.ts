import type { Random } from '@sparewheel/runtime/random';
import { DIRECTIONS, type Direction } from './link.ts';
import type { VirtualDevice } from './virtual-device.ts';
import type { World } from './world.ts';

/** pingInterval + pingTimeout: a silent connection ends after this. */
const PING_TIMEOUT_MS = 5_000;

/** Injects faults into a device and removes them. */
export class DeviceFaults {
  constructor(
    readonly world: World,
    readonly random: Random,
  ) {}

  /** Kills the process. The data plane notices after `noticedMs`; with null, when the device returns. */
  kill(device: VirtualDevice, noticedMs: number | null, downMs: number | null, diskLost: boolean): void {
    const { clock, network, trace } = this.world;
    if (!device.life) return;
    trace.note('kill', device.id, noticedMs ?? -1, downMs ?? -1);
    this.world.health.disturbed(device);
    const connection = network.connection(device.id);
    network.lost(device);
    device.kill();
    if (connection && noticedMs !== null) {
      clock.schedule(noticedMs, () => network.notice(connection, 'its connection broke'));
    }
    if (downMs === null) return;
    clock.schedule(downMs, () => this.revive(device, diskLost));
  }

  revive(device: VirtualDevice, diskLost: boolean): void {
    if (device.life) return;
    if (diskLost) device.disk.clear();
    this.world.trace.note('revive', device.id, diskLost ? 1 : 0);
    this.world.health.disturbed(device);
    device.start();
    this.world.connectSoon(device, this.random.between(50, 2_000));
  }

  /** Pauses the process (SIGSTOP) and resumes it (SIGCONT) after `ms`. */
  pause(device: VirtualDevice, ms: number): void {
    if (!device.life || device.paused) return;
    this.world.trace.note('pause', device.id, ms);
    const { life } = device;
    this.world.health.disturbed(device);
    device.paused = true;
    this.#maybeNoticed(device, ms);
    this.world.clock.schedule(ms, () => {
      if (device.life !== life) return;
      this.world.trace.note('resume', device.id);
      this.world.health.disturbed(device);
      device.resume();
      this.#reconnectIfGivenUp(device);
    });
  }

  /** Blocks one direction or both for `ms`. */
  partition(device: VirtualDevice, ways: readonly Direction[], mode: 'hold' | 'lose', ms: number): void {
    if (DIRECTIONS.some((way) => device.link[way].partitioned !== null)) return;
    this.world.trace.note('partition', device.id, ms, ways.length, () => `${ways.join()} ${mode}`);
    this.world.health.disturbed(device);
    for (const way of ways) device.link[way].partitioned = mode;
    this.#maybeNoticed(device, ms);
    this.world.clock.schedule(ms, () => {
      this.world.trace.note('partition heals', device.id);
      this.world.health.disturbed(device);
      for (const way of ways) {
        device.link[way].partitioned = null;
        this.world.network.release(device, way);
      }
      this.#reconnectIfGivenUp(device);
    });
  }

  /** Changes the device or its link for `ms`. */
  impair(device: VirtualDevice, what: string, ms: number, apply: () => void, undo: () => void): void {
    this.world.trace.note(what, device.id, ms);
    this.world.health.disturbed(device);
    apply();
    this.world.clock.schedule(ms, () => {
      this.world.trace.note(`${what} ends`, device.id);
      this.world.health.disturbed(device);
      undo();
    });
  }

  /** Schedules the ping timeout of a long silence. In 30 % of cases the data plane never notices. */
  #maybeNoticed(device: VirtualDevice, ms: number): void {
    const connection = this.world.network.connection(device.id);
    if (!connection || ms < PING_TIMEOUT_MS || this.random.chance(0.3)) return;
    this.world.clock.schedule(PING_TIMEOUT_MS, () => {
      if (device.paused || DIRECTIONS.some((way) => device.link[way].partitioned !== null)) {
        this.world.network.notice(connection, 'no sign of life');
      }
    });
  }

  #reconnectIfGivenUp(device: VirtualDevice): void {
    if (this.world.network.connected(device)) return;
    this.world.network.lost(device);
    this.world.connectSoon(device, this.random.between(50, 2_000));
  }
}
