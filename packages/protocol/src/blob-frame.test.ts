import { describe, expect, it } from 'vitest';
import { type BlobChunk, blobFrameBuffer, decodeBlobFrame, encodeBlobFrame } from './blob-frame.ts';
import { UnencodableMessageError } from './frame.ts';
import { LIMITS } from './limits.ts';

const sha256 = 'a5'.repeat(32);

describe('a frame that its data lie in already', () => {
  it('is the same as one that was made for them, whatever was in it before', () => {
    const buffer = blobFrameBuffer();
    buffer.frame.fill(0xff);
    for (const length of [LIMITS.blobChunkBytes, 7, 0]) {
      const data = buffer.data.subarray(0, length);
      data.fill(length % 251);
      const chunk: BlobChunk = { sha256, bytes: 2 ** 31 - 1, offset: 512, data };
      for (const acknowledgement of [undefined, 9]) {
        const inPlace = encodeBlobFrame({ ...chunk, frame: buffer.frame }, acknowledgement);
        expect(inPlace.buffer).toBe(buffer.frame.buffer);
        expect(Buffer.compare(inPlace, encodeBlobFrame(chunk, acknowledgement))).toBe(0);
        expect(decodeBlobFrame(inPlace).acknowledgement).toBe(acknowledgement);
      }
    }
  });

  it('is refused where the data lie somewhere else', () => {
    const { frame, data } = blobFrameBuffer();
    const chunk = { sha256, bytes: 100, offset: 0, frame };
    for (const elsewhere of [new Uint8Array(10), data.subarray(1, 11), frame.subarray(0, 10)]) {
      expect(() => encodeBlobFrame({ ...chunk, data: elsewhere }, 1)).toThrow(UnencodableMessageError);
    }
    expect(() =>
      encodeBlobFrame({ ...chunk, frame: frame.subarray(0, 70), data: data.subarray(0, 10) }, 1),
    ).toThrow('do not lie behind the header');
  });
});
