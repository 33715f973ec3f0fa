import type { DeviceId, Installer, InstallProgress, SeatTask } from '@sparewheel/coordinator';
import { type Artifact, type BlobRef, blobsOf } from '@sparewheel/planner';
import { type BlobChunk, LIMITS, type Outcome, type Task } from '@sparewheel/protocol';
import { BlobSender } from './blob-sender.ts';
import { InstallRefusedError } from './install-refused-error.ts';
import { PreloadedBlobs } from './preloaded-blobs.ts';
import { untilAborted } from './until-aborted.ts';

/** How the distributor talks to a device; rejects where the device is gone or does not answer in time. */
export interface DeviceControl {
  blob(device: DeviceId, chunk: BlobChunk, timeoutMs: number): Promise<Outcome>;
  load(device: DeviceId, task: Task, timeoutMs: number): Promise<Outcome>;
  unload(device: DeviceId, task: number): Promise<Outcome>;
  retain(device: DeviceId, blobs: readonly string[]): Promise<Outcome>;
}

export { InstallRefusedError };

/**
 * Brings shards onto devices: only the blobs that a device does not hold, chunk by chunk on its control connection,
 * a few chunks ahead of the acknowledgements, one transfer per device at a time.
 *
 * Devices keep the blobs of every deployment that still exists, also of seats that they no longer hold, so that
 * whoever returns serves again without a transfer. Deleted from a device is only what belonged to a deployment that
 * was undeployed since this data plane started: what it never heard of may belong to one that is about to come back.
 */
export class Distributor implements Installer {
  readonly #control: DeviceControl;
  readonly #sender: BlobSender;
  readonly #held = new Map<DeviceId, Set<string>>();
  /** The end of each device's queue of transfers. */
  readonly #queues = new Map<DeviceId, Promise<unknown>>();
  readonly #deployments = new Map<string, ReadonlySet<string>>();
  readonly #preloaded = new PreloadedBlobs();
  /** Blobs of undeployed deployments. */
  readonly #abandoned = new Set<string>();

  /** @param directory  of the blob files, each named by its sha-256 */
  constructor(directory: string, control: DeviceControl) {
    this.#control = control;
    this.#sender = new BlobSender(directory, (...chunk) => control.blob(...chunk));
  }

  /** A device said what its store holds, verified. */
  deviceHolds(device: DeviceId, blobs: readonly BlobRef[]): void {
    this.#held.set(device, new Set(blobs.map(({ sha256 }) => sha256)));
    this.#preloaded.forgetDevice(device);
  }

  holds(device: DeviceId, sha256: string): boolean {
    return this.#held.get(device)?.has(sha256) ?? false;
  }

  /**
   * The blobs of a deployment are wanted from now on.
   * @returns what was wanted under that name before, for `restore`
   */
  deployed(deployment: string, artifacts: Iterable<Artifact>): ReadonlySet<string> | undefined {
    const before = this.#deployments.get(deployment);
    const blobs = new Set(before);
    for (const artifact of artifacts) for (const { sha256 } of blobsOf(artifact)) blobs.add(sha256);
    this.#deployments.set(deployment, blobs);
    this.#preloaded.deployed(deployment);
    for (const sha256 of blobs) this.#abandoned.delete(sha256);
    return before;
  }

  /** Takes `deployed` back. */
  restore(deployment: string, before: ReadonlySet<string> | undefined): void {
    if (before === undefined) this.undeployed(deployment);
    else this.#deployments.set(deployment, before);
  }

  /** Its blobs are wanted no longer, save those that another deployment has too; connected devices delete them. */
  undeployed(deployment: string): void {
    const blobs = this.#deployments.get(deployment) ?? [];
    this.#deployments.delete(deployment);
    this.#abandon(blobs);
  }

  /**
   * Sends an artifact ahead to a device that is to sit in a seat of a deployment which is still being prepared. No
   * promise: what does not arrive is sent, and what is wrong is said, when the seat is installed.
   */
  preload(deployment: string, device: DeviceId, artifact: Artifact): void {
    const { signal } = this.#preloaded.add(deployment, blobsOf(artifact));
    void this.#inTurn(device, async () => {
      await this.#sender.send(device, this.#missing(device, [artifact]), {
        signal,
        onAcknowledged: () => {},
        onComplete: (blob) => {
          this.#held.get(device)?.add(blob.sha256);
          this.#preloaded.arrived(device, blob);
        },
      });
    }).catch(() => {});
  }

  /** Nothing comes of a deployment for which artifacts were sent ahead; connected devices delete them. */
  cancelPreload(deployment: string): void {
    this.#abandon(this.#preloaded.drop(deployment));
  }

  install(
    device: DeviceId,
    tasks: readonly SeatTask[],
    options: { readonly signal: AbortSignal; readonly onProgress: (progress: InstallProgress) => void },
  ): Promise<void> {
    return this.#inTurn(device, async () => {
      const { signal, onProgress } = options;
      signal.throwIfAborted();
      const artifacts = tasks.map(({ artifact }) => artifact);
      const missing = this.#missing(device, artifacts);
      let sentBytes = this.#preloaded.count(device, artifacts.flatMap(blobsOf));
      const totalBytes = missing.reduce((sum, { bytes }) => sum + bytes, sentBytes);
      onProgress({ sentBytes, totalBytes });
      await this.#sender.send(device, missing, {
        signal,
        onAcknowledged: (bytes) => {
          sentBytes += bytes;
          onProgress({ sentBytes, totalBytes });
        },
        onComplete: ({ sha256 }) => this.#held.get(device)?.add(sha256),
      });
      // One ahead: a device goes from one to the next without waiting for us.
      let loading = Promise.resolve();
      for (const task of tasks) {
        signal.throwIfAborted();
        const before = loading;
        loading = this.#load(device, task, signal);
        loading.catch(() => {});
        await before;
      }
      await loading;
      void this.#retain(device);
    });
  }

  uninstall(device: DeviceId, tasks: readonly SeatTask[]): void {
    void this.#inTurn(device, async () => {
      for (const { task } of tasks) await this.#control.unload(device, task).catch(() => {});
    });
  }

  async #load(
    device: DeviceId,
    { task, artifact, feeds, fetches }: SeatTask,
    signal: AbortSignal,
  ): Promise<void> {
    const message = { task, ...artifact, feeds: [...feeds], fetches: [...fetches] };
    const outcome = await untilAborted(signal, this.#control.load(device, message, LIMITS.blobTimeoutMs));
    if (outcome.ok) return;
    // Its store is not what it said: the next attempt sends everything again.
    for (const { sha256 } of blobsOf(artifact)) this.#held.get(device)?.delete(sha256);
    throw new InstallRefusedError(device, `task ${task}`, outcome);
  }

  #missing(device: DeviceId, artifacts: readonly Artifact[]): readonly BlobRef[] {
    const missing = new Map<string, BlobRef>();
    for (const artifact of artifacts) {
      for (const blob of blobsOf(artifact)) {
        if (!this.holds(device, blob.sha256)) missing.set(blob.sha256, blob);
      }
    }
    return [...missing.values()];
  }

  /** Blobs that a deployment wanted, or was to: connected devices delete those that no other one wants. */
  #abandon(blobs: Iterable<string>): void {
    for (const sha256 of blobs) {
      if (![...this.#deployments.values()].some((other) => other.has(sha256))) this.#abandoned.add(sha256);
    }
    for (const device of this.#held.keys()) void this.#inTurn(device, () => this.#retain(device));
  }

  async #retain(device: DeviceId): Promise<void> {
    const held = this.#held.get(device);
    if (held === undefined || ![...held].some((sha256) => this.#abandoned.has(sha256))) return;
    const kept = [...held].filter((sha256) => !this.#abandoned.has(sha256));
    this.#held.set(device, new Set(kept));
    // Best effort: a device that is gone says what it holds when it returns.
    await this.#control.retain(device, kept).catch(() => {});
  }

  /** Runs work when all earlier work for the device is over, whatever came of that. */
  #inTurn<Result>(device: DeviceId, work: () => Promise<Result>): Promise<Result> {
    const before = this.#queues.get(device) ?? Promise.resolve();
    const turn = before.then(work, work);
    const settled = turn.catch(() => {});
    this.#queues.set(device, settled);
    void settled.then(() => {
      if (this.#queues.get(device) === settled) this.#queues.delete(device);
    });
    return turn;
  }
}
