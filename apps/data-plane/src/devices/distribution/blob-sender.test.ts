import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlobRef } from '@sparewheel/planner';
import { type BlobChunk, decodeBlobFrame, encodeBlobFrame, LIMITS, type Outcome } from '@sparewheel/protocol';
import { sha256Hex } from '@sparewheel/runtime/access';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlobSender } from './blob-sender.ts';

const OK: Outcome = { ok: true };
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sparewheel-sender-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function blob(size: number, seed: number): Promise<BlobRef & { content: Uint8Array }> {
  const content = Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed * 7 + (i >> 9)) & 255);
  const sha256 = sha256Hex(`${size} ${seed}`);
  await writeFile(join(directory, sha256), content);
  return { sha256, bytes: size, content };
}

/**
 * A device that reads each frame as late as possible, when it acknowledges it. This detects overwritten
 * frames.
 */
class LateDevice {
  readonly received = new Map<string, Uint8Array>();
  readonly frames = new Set<ArrayBufferLike>();
  readonly #waiting: (() => void)[] = [];
  refuseAfter = Number.POSITIVE_INFINITY;

  readonly take = (_device: string, chunk: BlobChunk): Promise<Outcome> => {
    const frame = encodeBlobFrame(chunk, 1);
    this.frames.add(frame.buffer);
    return new Promise((resolve) => {
      this.#waiting.push(() => {
        const { sha256, bytes, offset, data } = decodeBlobFrame(frame).chunk;
        const whole = this.received.get(sha256) ?? new Uint8Array(bytes);
        whole.set(data, offset);
        this.received.set(sha256, whole);
        resolve(this.refuseAfter-- > 0 ? OK : { ok: false, code: 'disk-full', message: 'no space left' });
      });
      // Late enough for the next disk reads to finish if the sender does not wait for the acknowledgement.
      const later = (turns: number) => {
        if (turns === 0) this.#waiting.shift()?.();
        else setImmediate(later, turns - 1);
      };
      later(1_000);
    });
  };
}

const ignored = () => {};
const options = () => ({
  signal: new AbortController().signal,
  onAcknowledged: ignored,
  onComplete: ignored,
});

describe('sending blobs', () => {
  it('sends every byte, and reuses frames only after their acknowledgement', async () => {
    const device = new LateDevice();
    const sender = new BlobSender(directory, device.take);
    const blobs = [await blob(17 * LIMITS.blobChunkBytes + 11, 1), await blob(0, 2), await blob(300_000, 3)];
    // Blobs of one chunk: frames are needed again while others are in flight.
    for (let seed = 4; seed < 12; seed++) blobs.push(await blob(1_000, seed));
    const complete: string[] = [];
    for (let round = 0; round < 2; round++) {
      await sender.send('pi', blobs, { ...options(), onComplete: ({ sha256 }) => complete.push(sha256) });
    }
    expect(complete).toEqual([...blobs, ...blobs].map(({ sha256 }) => sha256));
    for (const { sha256, content } of blobs)
      expect(Buffer.compare(device.received.get(sha256)!, content)).toBe(0);
    // One megabyte in flight, one being read.
    expect(device.frames.size).toBeLessThanOrEqual(8);
  });

  it('does not reuse a frame that may be in flight to a device that rejected a chunk', async () => {
    const device = new LateDevice();
    const sender = new BlobSender(directory, device.take);
    const large = await blob(9 * LIMITS.blobChunkBytes, 1);
    device.refuseAfter = 1;
    await expect(sender.send('pi', [large], options())).rejects.toThrow('no space left');
    const before = new Set(device.frames);
    device.refuseAfter = Number.POSITIVE_INFINITY;
    device.frames.clear();
    await sender.send('pi', [large], options());
    for (const frame of device.frames) expect(before.has(frame)).toBe(false);
  });

  it('stops on abort without waiting for the device', async () => {
    const sender = new BlobSender(directory, () => new Promise(() => {}));
    const controller = new AbortController();
    const sent = sender.send('pi', [await blob(10, 1)], { ...options(), signal: controller.signal });
    controller.abort(new Error('the device left'));
    await expect(sent).rejects.toThrow('the device left');
  });
});
