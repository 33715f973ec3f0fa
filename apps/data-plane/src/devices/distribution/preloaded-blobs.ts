import type { DeviceId } from '@sparewheel/coordinator';
import type { PreloadProgress } from '@sparewheel/data-plane-client';
import type { BlobRef } from '@sparewheel/planner';

/**
 * Tracks blobs that are sent to devices before their deployment exists. They are deleted if the deployment is
 * abandoned. Otherwise the progress of the first install of a device includes them.
 */
export class PreloadedBlobs {
  readonly #preloads = new Map<string, { controller: AbortController; blobs: Set<string> }>();
  /** Bytes of preloaded blobs that no install has counted yet, by device and blob. */
  readonly #uncounted = new Map<DeviceId, Map<string, number>>();
  /** Transfers that no install has counted yet, by deployment and device. */
  readonly #progress = new Map<string, Map<DeviceId, { sentBytes: number; totalBytes: number }>>();

  /**
   * Registers blobs that will be sent for a deployment.
   * @returns a signal that aborts when the deployment is abandoned
   */
  add(deployment: string, blobs: readonly BlobRef[]): AbortSignal {
    let preload = this.#preloads.get(deployment);
    if (preload === undefined) {
      preload = { controller: new AbortController(), blobs: new Set() };
      this.#preloads.set(deployment, preload);
    }
    for (const { sha256 } of blobs) preload.blobs.add(sha256);
    return preload.controller.signal;
  }

  /** Records bytes that will be sent to a device. */
  expect(deployment: string, device: DeviceId, bytes: number): void {
    const devices = this.#progress.get(deployment) ?? new Map();
    this.#progress.set(deployment, devices);
    const { sentBytes = 0, totalBytes = 0 } = devices.get(device) ?? {};
    devices.set(device, { sentBytes, totalBytes: totalBytes + bytes });
  }

  /** Records bytes that a device has acknowledged. */
  sent(deployment: string, device: DeviceId, bytes: number): void {
    const progress = this.#progress.get(deployment)?.get(device);
    if (progress) progress.sentBytes += bytes;
  }

  get progress(): PreloadProgress[] {
    return [...this.#progress].flatMap(([deployment, devices]) =>
      Array.from(devices, ([device, progress]) => ({ deployment, device, ...progress })),
    );
  }

  arrived(device: DeviceId, { sha256, bytes }: BlobRef): void {
    const uncounted = this.#uncounted.get(device) ?? new Map<string, number>();
    this.#uncounted.set(device, uncounted.set(sha256, bytes));
  }

  /** Returns the total bytes of those blobs that were preloaded to the device. Counts each blob once. */
  count(device: DeviceId, blobs: Iterable<BlobRef>): number {
    for (const [deployment, devices] of this.#progress) {
      if (!this.#preloads.has(deployment)) this.#remove(deployment, devices, device);
    }
    const uncounted = this.#uncounted.get(device);
    let sum = 0;
    for (const { sha256 } of blobs) {
      sum += uncounted?.get(sha256) ?? 0;
      uncounted?.delete(sha256);
    }
    return sum;
  }

  /** Forgets the uncounted blobs of a device, which has just reported what it holds. */
  forgetDevice(device: DeviceId): void {
    this.#uncounted.delete(device);
    for (const [deployment, devices] of this.#progress) this.#remove(deployment, devices, device);
  }

  #remove(deployment: string, devices: Map<DeviceId, unknown>, device: DeviceId): void {
    devices.delete(device);
    if (devices.size === 0) this.#progress.delete(deployment);
  }

  /** Ends the tracking for a deployment that now exists. Transfers in flight continue. */
  deployed(deployment: string): void {
    this.#preloads.delete(deployment);
  }

  /** Aborts the transfers of an abandoned deployment. Returns its blobs, sent or not. */
  abandon(deployment: string): ReadonlySet<string> {
    const preload = this.#preloads.get(deployment);
    this.#preloads.delete(deployment);
    this.#progress.delete(deployment);
    preload?.controller.abort(new Error(`the deployment "${deployment}" was abandoned`));
    return preload?.blobs ?? new Set();
  }
}
