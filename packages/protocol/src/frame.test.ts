import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBlobFrame, encodeBlobFrame } from './blob-frame.ts';
import { decodeFrame, encodeFrame, MalformedFrameError, UnencodableMessageError } from './frame.ts';
import { LIMITS } from './limits.ts';
import { bytesOf, type Tensor } from './tensor.ts';
import { arbitraryChunk, arbitraryMessage } from './testing/arbitrary-message.ts';
import type { FromDevice, ToDevice } from './wire.ts';

/** Tensors compared by their bytes, so that NaN equals the same NaN and −0 differs from 0. */
function comparable(message: ToDevice | FromDevice) {
  if (!('tensors' in message)) return message;
  return {
    ...message,
    tensors: message.tensors.map(({ type, dims, data }) => ({ type, dims, bytes: [...bytesOf(data)] })),
  };
}

function decodeOrRefuse(bytes: Uint8Array): ToDevice | FromDevice | null {
  try {
    return decodeFrame(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedFrameError);
    return null;
  }
}

const example: ToDevice = {
  kind: 'compute',
  request: 7,
  task: 3,
  tensors: [
    { type: 'float32', dims: [1, 2], data: Float32Array.of(1.5, -2) },
    { type: 'int64', dims: [], data: BigInt64Array.of(-9n) },
  ],
};

describe('frame', () => {
  it('has the layout that docs/PROTOCOL.md gives', () => {
    expect(Buffer.from(encodeFrame(example)).toString('hex')).toBe(
      [
        '53010102 07000000 03000000 00000000', // header: magic, version, kind, tensors; request; task; detail
        '00020000 01000000 02000000', // float32 of rank 2: [1, 2]
        '08000000', // int64 of rank 0
        '0000c03f 000000c0', // 1.5, -2 at byte 32
        'f7ffffffffffffff', // -9 at byte 40
      ]
        .join('')
        .replaceAll(' ', ''),
    );
  });

  it('returns what was encoded, at every alignment of the receiving buffer', () => {
    fc.assert(
      fc.property(arbitraryMessage, fc.integer({ min: 0, max: 15 }), (message, shift) => {
        const frame = encodeFrame(message);
        const received = Buffer.alloc(frame.byteLength + shift);
        received.set(frame, shift);
        expect(comparable(decodeFrame(received.subarray(shift)))).toEqual(comparable(message));
      }),
    );
  });

  it('views the received bytes where they are aligned and copies where not', () => {
    const frame = encodeFrame(example);
    const aligned = decodeFrame(frame) as typeof example;
    expect(aligned.tensors[0]?.data.buffer).toBe(frame.buffer);
    const shifted = new Uint8Array(frame.byteLength + 1);
    shifted.set(frame, 1);
    const copied = decodeFrame(shifted.subarray(1)) as typeof example;
    expect(copied.tensors[0]?.data.buffer).not.toBe(shifted.buffer);
  });

  it('refuses every truncation and every frame with something behind it', () => {
    fc.assert(
      fc.property(arbitraryMessage, fc.nat(), (message, cut) => {
        const frame = encodeFrame(message);
        const longer = new Uint8Array(frame.byteLength + 1);
        longer.set(frame);
        // A refusal's text ends where the frame ends, so its cuts may read as a shorter text.
        if (message.kind !== 'refusal') {
          expect(decodeOrRefuse(frame.subarray(0, cut % frame.byteLength))).toBeNull();
          expect(decodeOrRefuse(longer)).toBeNull();
        }
      }),
    );
  });

  it('reads flipped bits as another valid message or refuses them, and never crashes', () => {
    fc.assert(
      fc.property(arbitraryMessage, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), (message, flips) => {
        const frame = encodeFrame(message);
        for (const flip of flips) {
          const bit = flip % (frame.byteLength * 8);
          frame[bit >> 3]! ^= 1 << (bit & 7);
        }
        const decoded = decodeOrRefuse(frame);
        if (decoded !== null) expect(Buffer.from(encodeFrame(decoded)).equals(frame)).toBe(true);
      }),
    );
  });

  it('refuses random bytes without allocating what they claim', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeOrRefuse(bytes);
        // The same behind a plausible header: four tensors of whatever type and size.
        const header = Uint8Array.of(0x53, 1, 1, 4, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0);
        decodeOrRefuse(Uint8Array.from([...header, ...bytes]));
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses dimensions whose product overflows', () => {
    const frame = encodeFrame({
      kind: 'compute',
      request: 1,
      task: 1,
      tensors: [{ type: 'uint8', dims: [1, 1, 1], data: Uint8Array.of(1) }],
    });
    for (const offset of [20, 24, 28]) new DataView(frame.buffer).setUint32(offset, 0xffff_ffff, true);
    expect(() => decodeFrame(frame)).toThrow(/does not fit/);
  });

  it('says what is malformed and where', () => {
    const frame = encodeFrame(example);
    frame[16] = 99;
    expect(() => decodeFrame(frame)).toThrow('malformed frame at byte 16: unknown element type 99');
    expect(() => decodeFrame(new Uint8Array(3))).toThrow('too few for a header');
    const otherVersion = encodeFrame(example);
    otherVersion[1] = 2;
    expect(() => decodeFrame(otherVersion)).toThrow('version 2, expected 1');
  });

  it('refuses to encode what is over a limit or contradicts itself', () => {
    const withTensors = (tensors: readonly Tensor[]): ToDevice => ({
      kind: 'compute',
      request: 1,
      task: 1,
      tensors,
    });
    const tensor: Tensor = { type: 'float32', dims: [2], data: new Float32Array(3) };
    expect(() => encodeFrame(withTensors([tensor]))).toThrow('cannot have 12 bytes of data');
    const small: Tensor = { type: 'uint8', dims: [], data: new Uint8Array(1) };
    expect(() => encodeFrame(withTensors(Array(LIMITS.tensorsPerFrame + 1).fill(small)))).toThrow(
      UnencodableMessageError,
    );
    const deep: Tensor = {
      type: 'uint8',
      dims: Array(LIMITS.tensorRank + 1).fill(1),
      data: new Uint8Array(1),
    };
    expect(() => encodeFrame(withTensors([deep]))).toThrow('rank 17');
    const large: Tensor = {
      type: 'uint8',
      dims: [LIMITS.frameBytes],
      data: new Uint8Array(LIMITS.frameBytes),
    };
    expect(() => encodeFrame(withTensors([large]))).toThrow('the limit is');
    expect(() => encodeFrame({ kind: 'cancel', request: -1, task: 1 })).toThrow('request -1');
  });

  it('shortens a refusal that is too long at a whole character', () => {
    const decoded = decodeFrame(
      encodeFrame({ kind: 'refusal', request: 1, task: 1, code: 'overloaded', message: '€'.repeat(1_000) }),
    );
    expect(decoded).toMatchObject({ code: 'overloaded', message: '€'.repeat(666) });
  });
});

describe('blob frame', () => {
  it('returns the chunk and its acknowledgment', () => {
    fc.assert(
      fc.property(arbitraryChunk, fc.option(fc.nat(), { nil: undefined }), (chunk, acknowledgment) => {
        expect(decodeBlobFrame(encodeBlobFrame(chunk, acknowledgment))).toEqual({ chunk, acknowledgment });
      }),
    );
  });

  it('refuses chunks outside their blob, and damaged frames', () => {
    const chunk = { sha256: 'a'.repeat(64), bytes: 10, offset: 8, data: new Uint8Array(3) };
    expect(() => encodeBlobFrame(chunk, 1)).toThrow('lies outside a blob of 10 bytes');
    const frame = encodeBlobFrame({ ...chunk, bytes: 11 }, 1);
    new DataView(frame.buffer).setBigUint64(56, 2n ** 63n, true);
    expect(() => decodeBlobFrame(frame)).toThrow(MalformedFrameError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        expect(() => decodeBlobFrame(bytes)).toThrow(MalformedFrameError);
      }),
    );
  });
});
