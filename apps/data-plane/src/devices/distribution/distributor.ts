import type { DeviceId, Installer, InstallProgress, SeatTask } from '@sparewheel/coordinator';
import type { PreloadProgress } from '@sparewheel/data-plane-client';
import { type Artifact, type BlobRef, blobsOf } from '@sparewheel/planner';
import { type BlobChunk, LIMITS, type Outcome, type Task } from '@sparewheel/protocol';
import type { IntactBlobs } from '../../intact-blobs.ts';
import { BlobSender, InstallRefusedError, isFileError, type SendOptions } from './blob-sender.ts';
import { PreloadedBlobs } from './preloaded-blobs.ts';
import { untilAborted } from './until-aborted.ts';

/** Requests to a device. Each rejects if the device disconnects or times out. */
export interface DeviceControl {
  blob(device: DeviceId, chunk: BlobChunk, timeoutMs: number): Promise<Outcome>;
  load(device: DeviceId, task: Task, timeoutMs: number): Promise<Outcome>;
  unload(device: DeviceId, task: number): Promise<Outcome>;
  retain(device: DeviceId, blobs: readonly string[]): Promise<Outcome>;
}

/**
 * Installs shards on devices. Sends only the blobs that a device does not hold, in chunks on its control
 * connection, one transfer per device at a time.
 *
 * Devices keep the blobs of every existing deployment, even of seats that they lost, so that a returning
 * device serves without a transfer. A blob is deleted from devices only if its deployment was undeployed
 * since this data plane started. An unknown blob may belong to a deployment that the control plane has not
 * sent yet.
 */
export class Distributor implements Installer {
  readonly #control: DeviceControl;
  readonly #blobs: Pick<IntactBlobs, 'require'>;
  readonly #sender: BlobSender;
  readonly #held = new Map<DeviceId, Set<string>>();
  /** The last transfer in the queue of each device. */
  readonly #queues = new Map<DeviceId, Promise<unknown>>();
  /** Blobs by deployment. */
  readonly #deployments = new Map<string, ReadonlySet<string>>();
  readonly #preloaded = new PreloadedBlobs();
  /** Blobs of undeployed deployments, which devices must delete. */
  readonly #abandoned = new Set<string>();

  /**
   * @param directory  holds the blob files, named by their SHA-256
   * @param blobs  repairs a file that does not have the content of its name
   */
  constructor(directory: string, blobs: Pick<IntactBlobs, 'require'>, control: DeviceControl) {
    this.#control = control;
    this.#blobs = blobs;
    this.#sender = new BlobSender(directory, (...chunk) => control.blob(...chunk));
  }

  /** Records which blobs a device holds, as it reported after verifying them. */
  deviceHolds(device: DeviceId, blobs: readonly BlobRef[]): void {
    this.#held.set(device, new Set(blobs.map(({ sha256 }) => sha256)));
    this.#preloaded.forgetDevice(device);
  }

  /** Removes what is known about the blobs of a device. */
  forgetDevice(device: DeviceId): void {
    this.#held.delete(device);
    this.#preloaded.forgetDevice(device);
  }

  holds(device: DeviceId, sha256: string): boolean {
    return this.#held.get(device)?.has(sha256) ?? false;
  }

  /**
   * Registers the blobs of a deployment.
   * @returns the previous blobs of the deployment, for `restore`
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

  /** Reverts `deployed`. */
  restore(deployment: string, before: ReadonlySet<string> | undefined): void {
    if (before === undefined) this.undeployed(deployment);
    else this.#deployments.set(deployment, before);
  }

  /** Deletes the blobs of a deployment from connected devices, except those of other deployments. */
  undeployed(deployment: string): void {
    const blobs = this.#deployments.get(deployment) ?? [];
    this.#deployments.delete(deployment);
    this.#abandon(blobs);
  }

  /**
   * Sends an artifact to a device before its deployment exists. Best effort: installing the seat sends what
   * is missing and reports errors.
   */
  preload(deployment: string, device: DeviceId, artifact: Artifact): void {
    const signal = this.#preloaded.add(deployment, blobsOf(artifact));
    const bytes = this.#missing(device, [artifact]).reduce((sum, blob) => sum + blob.bytes, 0);
    this.#preloaded.expect(deployment, device, bytes);
    void this.#inTurn(device, async () => {
      await this.#send(device, this.#missing(device, [artifact]), {
        signal,
        onAcknowledged: (acknowledged) => this.#preloaded.sent(deployment, device, acknowledged),
        onComplete: (blob) => {
          this.#held.get(device)?.add(blob.sha256);
          this.#preloaded.arrived(device, blob);
        },
      });
    }).catch(() => {});
  }

  get preloads(): readonly PreloadProgress[] {
    return this.#preloaded.progress;
  }

  /** Deletes the preloaded artifacts of an abandoned deployment from connected devices. */
  cancelPreload(deployment: string): void {
    this.#abandon(this.#preloaded.abandon(deployment));
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
      await this.#send(device, missing, {
        signal,
        onAcknowledged: (bytes) => {
          sentBytes += bytes;
          onProgress({ sentBytes, totalBytes });
        },
        onComplete: ({ sha256 }) => this.#held.get(device)?.add(sha256),
      });
      // Sends one task ahead, so that the device never waits for the network.
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

  /** Sends blobs. If a file here is the cause of a failure, it is repaired for the next attempt. */
  async #send(device: DeviceId, blobs: readonly BlobRef[], options: SendOptions): Promise<void> {
    try {
      await this.#sender.send(device, blobs, options);
    } catch (error) {
      if (isFileError(error)) void this.#blobs.require(blobs).catch(() => {});
      throw error;
    }
  }

  async #load(
    device: DeviceId,
    { task, artifact, feeds, fetches }: SeatTask,
    signal: AbortSignal,
  ): Promise<void> {
    const message = { task, ...artifact, feeds: [...feeds], fetches: [...fetches] };
    const outcome = await untilAborted(signal, this.#control.load(device, message, LIMITS.blobTimeoutMs));
    if (outcome.ok) return;
    // The store of the device differs from its report, so the next attempt must send everything.
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

  /** Deletes blobs from connected devices, except those of existing deployments. */
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
    // Best effort: a disconnected device reports what it holds when it returns.
    await this.#control.retain(device, kept).catch(() => {});
  }

  /** Runs work after all earlier work for the device, even if that failed. */
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
