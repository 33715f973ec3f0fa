import { isAbsence } from '../deployments/handover.ts';
import { log } from '../log.ts';
import type { BlobRepair } from './blob-repair.ts';

const DAY_MS = 24 * 3_600_000;

/** Verifies all stored files at the start and once a day, so that damage is found before a failure needs the file. */
export class BlobScrub {
  readonly #repair: BlobRepair;
  readonly #timer: NodeJS.Timeout;

  constructor(repair: BlobRepair, intervalMs = DAY_MS) {
    this.#repair = repair;
    this.#timer = setInterval(() => void this.run(), intervalMs).unref();
    void this.run();
  }

  async run(): Promise<void> {
    try {
      const { verified, damaged } = await this.#repair.scrub();
      if (damaged > 0) log.warn({ verified, damaged }, 'damaged files in the blob store');
    } catch (error) {
      // Sparewheel is stopping.
      if (!isAbsence(error)) log.error({ err: error }, 'cannot verify the blob store');
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
