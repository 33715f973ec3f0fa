import type { DeviceId, Installer, InstallProgress, SeatTask } from '@sparewheel/coordinator';
import { type BlobRef, blobsOf } from '@sparewheel/planner';
import { LIMITS } from '@sparewheel/protocol';
import { Mutex } from 'async-mutex';
import type { Trace } from './trace.ts';
import type { LifeClock, VirtualClock } from './virtual-clock.ts';
import type { Life, VirtualDevice } from './virtual-device.ts';
import type { Connection, VirtualNetwork } from './virtual-network.ts';

/** The bandwidth of a device's link: 100 Mbit/s. */
const BYTES_PER_MS = 12_500;
/** The time to open a session for one task. */
const LOAD_MS = 5;

interface InstallOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: InstallProgress) => void;
}

/**
 * Installs shards on virtual devices as the data plane's distributor does: it sends only the blobs that a device does
 * not hold, one transfer per device at a time, and waits for each acknowledgment or its timeout.
 */
export class VirtualInstaller implements Installer {
  readonly #held = new Map<DeviceId, Set<string>>();
  readonly #mutexes = new Map<DeviceId, Mutex>();

  constructor(
    readonly clock: VirtualClock,
    readonly life: LifeClock,
    readonly network: VirtualNetwork,
    readonly trace: Trace,
  ) {}

  /** Records the blobs on a device's disk, as the device reports them. */
  deviceHolds(device: VirtualDevice): void {
    this.#held.set(device.id, new Set(device.disk));
  }

  holds(device: DeviceId, sha256: string): boolean {
    return this.#held.get(device)?.has(sha256) ?? false;
  }

  install(id: DeviceId, tasks: readonly SeatTask[], options: InstallOptions): Promise<void> {
    return this.#exclusive(id, () => this.#install(id, tasks, options));
  }

  uninstall(id: DeviceId, tasks: readonly SeatTask[]): void {
    this.#exclusive(id, async () => {
      for (const { task } of tasks) {
        const unload = (life: Life) => {
          life.tasks.delete(task);
          return true;
        };
        await this.#roundTrip(id, 0, new AbortController().signal, unload);
      }
    }).catch(() => {});
  }

  async #install(
    id: DeviceId,
    tasks: readonly SeatTask[],
    { signal, onProgress }: InstallOptions,
  ): Promise<void> {
    signal.throwIfAborted();
    const missing = new Map<string, BlobRef>();
    for (const { artifact } of tasks) {
      for (const blob of blobsOf(artifact)) if (!this.holds(id, blob.sha256)) missing.set(blob.sha256, blob);
    }
    const totalBytes = [...missing.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    let sentBytes = 0;
    onProgress({ sentBytes, totalBytes });
    for (const { sha256, bytes } of missing.values()) {
      await this.#roundTrip(id, bytes / BYTES_PER_MS, signal, (_life, device) => {
        device.disk.add(sha256);
        return true;
      });
      this.#held.get(id)?.add(sha256);
      sentBytes += bytes;
      onProgress({ sentBytes, totalBytes });
    }
    for (const task of tasks) {
      signal.throwIfAborted();
      const loaded = await this.#roundTrip(id, LOAD_MS, signal, (life, device) => {
        if (device.failInstalls > 0) {
          device.failInstalls--;
          return false;
        }
        if (!blobsOf(task.artifact).every(({ sha256 }) => device.disk.has(sha256))) return false;
        life.tasks.set(task.task, task);
        return true;
      });
      if (loaded) continue;
      for (const { sha256 } of blobsOf(task.artifact)) this.#held.get(id)?.delete(sha256);
      throw new Error(`${id} refused task ${task.task}`);
    }
    this.trace.note('loaded', id, tasks.length, sentBytes);
  }

  /** Sends an acknowledged message on the control connection. @param ms  time of the transfer and the device's work */
  #roundTrip(
    id: DeviceId,
    ms: number,
    signal: AbortSignal,
    work: (life: Life, device: VirtualDevice) => boolean,
  ): Promise<boolean> {
    const connection = this.network.connection(id);
    if (!connection) return Promise.reject(new Error(`${id} is not connected`));
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        stopTimer();
        connection.onDown.delete(down);
        signal.removeEventListener('abort', aborted);
        this.clock.touch();
        finish();
      };
      const down = (reason: Error) => settle(() => reject(reason));
      const aborted = () => settle(() => reject(signal.reason as Error));
      const stopTimer = this.life.schedule(LIMITS.blobTimeoutMs, () => down(new Error('no acknowledgment')));
      connection.onDown.add(down);
      signal.addEventListener('abort', aborted);
      this.#deliver(connection, ms, work, (outcome) => settle(() => resolve(outcome)));
    });
  }

  #deliver(
    connection: Connection,
    ms: number,
    work: (life: Life, device: VirtualDevice) => boolean,
    acknowledge: (outcome: boolean) => void,
  ): void {
    const { device } = connection;
    this.network.send(connection, 'toDevice', false, () => {
      // In order: a task is unloaded after it was loaded, even if the coordinator did not wait for the load.
      device.controlFreeAt = Math.max(device.controlFreeAt, this.clock.now()) + ms;
      this.clock.at(device.controlFreeAt, () => {
        device.control((life) => {
          if (life !== connection.life) return;
          const outcome = work(life, device);
          this.network.send(connection, 'fromDevice', false, () => acknowledge(outcome));
        });
      });
    });
  }

  /** Runs one install or uninstall of a device at a time. */
  #exclusive<Result>(id: DeviceId, work: () => Promise<Result>): Promise<Result> {
    let mutex = this.#mutexes.get(id);
    if (!mutex) {
      mutex = new Mutex();
      this.#mutexes.set(id, mutex);
    }
    this.clock.touch();
    return mutex.runExclusive(work);
  }
}
