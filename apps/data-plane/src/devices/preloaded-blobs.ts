import type { DeviceId } from '@sparewheel/coordinator';
import type { BlobRef } from '@sparewheel/planner';

/** What is sent ahead for a deployment that is not there yet. */
export interface Preload {
  /** Aborted when nothing will come of the deployment. */
  readonly signal: AbortSignal;
}

/**
 * Keeps count of blobs that are sent to devices ahead of a deployment: what becomes of them if it never comes, and which
 * of them an install may say it has sent.
 */
export class PreloadedBlobs {
  readonly #preloads = new Map<string, { controller: AbortController; blobs: Set<string> }>();
  /** Blobs that came ahead and that no install has counted yet, by device. */
  readonly #uncounted = new Map<DeviceId, Map<string, number>>();

  /** Blobs are about to be sent for a deployment. */
  add(deployment: string, blobs: readonly BlobRef[]): Preload {
    let preload = this.#preloads.get(deployment);
    if (preload === undefined) {
      preload = { controller: new AbortController(), blobs: new Set() };
      this.#preloads.set(deployment, preload);
    }
    for (const { sha256 } of blobs) preload.blobs.add(sha256);
    return { signal: preload.controller.signal };
  }

  arrived(device: DeviceId, { sha256, bytes }: BlobRef): void {
    const uncounted = this.#uncounted.get(device) ?? new Map<string, number>();
    this.#uncounted.set(device, uncounted.set(sha256, bytes));
  }

  /** Those of the blobs that were sent ahead to the device; each is counted once. @returns their bytes */
  count(device: DeviceId, blobs: Iterable<BlobRef>): number {
    const uncounted = this.#uncounted.get(device);
    let sum = 0;
    for (const { sha256 } of blobs) {
      sum += uncounted?.get(sha256) ?? 0;
      uncounted?.delete(sha256);
    }
    return sum;
  }

  /** The device said anew what it holds. */
  forgetDevice(device: DeviceId): void {
    this.#uncounted.delete(device);
  }

  /** The deployment came: its blobs are its own from now on, and what is on its way goes on. */
  deployed(deployment: string): void {
    this.#preloads.delete(deployment);
  }

  /** Nothing comes of it. @returns the blobs that were sent ahead, or were about to be */
  drop(deployment: string): ReadonlySet<string> {
    const preload = this.#preloads.get(deployment);
    this.#preloads.delete(deployment);
    preload?.controller.abort(new Error(`the deployment "${deployment}" was given up`));
    return preload?.blobs ?? new Set();
  }
}
