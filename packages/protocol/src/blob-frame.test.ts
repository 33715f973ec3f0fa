import { describe, expect, it } from 'vitest';
import { type BlobChunk, blobFrameBuffer, decodeBlobFrame, encodeBlobFrame } from './blob-frame.ts';
import { UnencodableMessageError } from './frame.ts';
import { LIMITS } from './limits.ts';

const sha256 = 'a5'.repeat(32);

describe('a chunk with a frame of its own', () => {
  it('is encoded like one without, whatever the frame contained', () => {
    const buffer = blobFrameBuffer();
    buffer.frame.fill(0xff);
    for (const length of [LIMITS.blobChunkBytes, 7, 0]) {
      const data = buffer.data.subarray(0, length);
      data.fill(length % 251);
      const chunk: BlobChunk = { sha256, bytes: 2 ** 31 - 1, offset: 512, data };
      for (const acknowledgment of [undefined, 9]) {
        const inPlace = encodeBlobFrame({ ...chunk, frame: buffer.frame }, acknowledgment);
        expect(inPlace.buffer).toBe(buffer.frame.buffer);
        expect(Buffer.compare(inPlace, encodeBlobFrame(chunk, acknowledgment))).toBe(0);
        expect(decodeBlobFrame(inPlace).acknowledgment).toBe(acknowledgment);
      }
    }
  });

  it('is rejected if its data is not behind the header of the frame', () => {
    const { frame, data } = blobFrameBuffer();
    const chunk = { sha256, bytes: 100, offset: 0, frame };
    for (const elsewhere of [new Uint8Array(10), data.subarray(1, 11), frame.subarray(0, 10)]) {
      expect(() => encodeBlobFrame({ ...chunk, data: elsewhere }, 1)).toThrow(UnencodableMessageError);
    }
    expect(() =>
      encodeBlobFrame({ ...chunk, frame: frame.subarray(0, 70), data: data.subarray(0, 10) }, 1),
    ).toThrow('must start behind the header');
  });
});
