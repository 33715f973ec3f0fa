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
 * A device that looks at each frame as late as can be, when it acknowledges it: one that was written over meanwhile
 * shows.
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
      // The disk has long been read again by then, where nobody waits for this.
      const later = (turns: number) => {
        if (turns === 0) this.#waiting.shift()?.();
        else setImmediate(later, turns - 1);
      };
      later(1_000);
    });
  };
}

const ignored = () => {};
const sending = () => ({
  signal: new AbortController().signal,
  onAcknowledged: ignored,
  onComplete: ignored,
});

describe('sending blobs', () => {
  it('brings every byte of each, through frames that are used again only when they were acknowledged', async () => {
    const device = new LateDevice();
    const sender = new BlobSender(directory, device.take);
    const blobs = [await blob(17 * LIMITS.blobChunkBytes + 11, 1), await blob(0, 2), await blob(300_000, 3)];
    // Of one chunk each: a read's frames are needed again while others are still on their way.
    for (let seed = 4; seed < 12; seed++) blobs.push(await blob(1_000, seed));
    const complete: string[] = [];
    for (let round = 0; round < 2; round++) {
      await sender.send('pi', blobs, { ...sending(), onComplete: ({ sha256 }) => complete.push(sha256) });
    }
    expect(complete).toEqual([...blobs, ...blobs].map(({ sha256 }) => sha256));
    for (const { sha256, content } of blobs)
      expect(Buffer.compare(device.received.get(sha256)!, content)).toBe(0);
    // One megabyte that is being sent, one that is being read.
    expect(device.frames.size).toBeLessThanOrEqual(8);
  });

  it('does not use a frame again that may still be on its way to a device that refused', async () => {
    const device = new LateDevice();
    const sender = new BlobSender(directory, device.take);
    const large = await blob(9 * LIMITS.blobChunkBytes, 1);
    device.refuseAfter = 1;
    await expect(sender.send('pi', [large], sending())).rejects.toThrow('no space left');
    const before = new Set(device.frames);
    device.refuseAfter = Number.POSITIVE_INFINITY;
    device.frames.clear();
    await sender.send('pi', [large], sending());
    for (const frame of device.frames) expect(before.has(frame)).toBe(false);
  });

  it('ends without a device’s answer where it is aborted', async () => {
    const sender = new BlobSender(directory, () => new Promise(() => {}));
    const controller = new AbortController();
    const sent = sender.send('pi', [await blob(10, 1)], { ...sending(), signal: controller.signal });
    controller.abort(new Error('the device left'));
    await expect(sent).rejects.toThrow('the device left');
  });
});
