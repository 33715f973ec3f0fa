import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, MalformedFrameError } from './frame.ts';
import {
  AnswerFrame,
  encodeForStream,
  FrameSplitter,
  STREAM_PREFIX_BYTES,
  writeStreamPrefix,
} from './frame-stream.ts';
import { LIMITS } from './limits.ts';
import { bytesOf } from './tensor.ts';
import { arbitraryMessage } from './testing/arbitrary-message.ts';

function framed(frame: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(STREAM_PREFIX_BYTES + frame.byteLength);
  writeStreamPrefix(new DataView(bytes.buffer), 0, frame.byteLength);
  bytes.set(frame, STREAM_PREFIX_BYTES);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function split(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const splitter = new FrameSplitter((frame) => frames.push(frame));
  let from = 0;
  for (const to of [...[...cuts].sort((a, b) => a - b), stream.byteLength]) {
    // A buffer that is reused, as a socket's is.
    const chunk = stream.slice(from, to);
    splitter.push(chunk);
    chunk.fill(0xff);
    from = to;
  }
  expect(splitter.pendingBytes).toBe(0);
  return frames;
}

describe('frames on a stream', () => {
  it('come out as they went in, wherever the chunks end', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryMessage, { maxLength: 5 }),
        fc.infiniteStream(fc.nat()),
        (messages, draws) => {
          const frames = messages.map(encodeFrame);
          const stream = joined(frames.map(framed));
          const cuts = Array.from(
            { length: 8 },
            () => (draws.next().value as number) % (stream.byteLength + 1),
          );
          expect(split(stream, cuts)).toEqual(frames.map((frame) => new Uint8Array(frame)));
        },
      ),
    );
  });

  it('come out of single bytes', () => {
    const frame = encodeFrame({ kind: 'cancel', request: 7, task: 3 });
    const stream = framed(frame);
    expect(
      split(
        stream,
        Array.from({ length: stream.byteLength }, (_, at) => at),
      ),
    ).toEqual([frame]);
  });

  it('come out of more than what a peer is trusted with at once', () => {
    const data = new Float32Array(3 * 1024 * 1024).map((_, i) => i);
    const frame = encodeFrame({
      kind: 'compute',
      request: 1,
      task: 1,
      tensors: [{ type: 'float32', dims: [data.length], data }],
    });
    const [out] = split(framed(frame), [5_000_000]);
    expect(Buffer.compare(out!, frame)).toBe(0);
  });

  it.each([0, 15, LIMITS.frameBytes + 1])('of %i bytes are refused', (length) => {
    const prefix = new Uint8Array(STREAM_PREFIX_BYTES);
    writeStreamPrefix(new DataView(prefix.buffer), 0, length);
    expect(() => new FrameSplitter(() => {}).push(prefix)).toThrow(MalformedFrameError);
  });

  it('with a reserved field that is not zero are refused', () => {
    const prefix = Uint8Array.of(16, 0, 0, 0, 1, 0, 0, 0);
    expect(() => new FrameSplitter(() => {}).push(prefix)).toThrow(MalformedFrameError);
  });
});

describe('encodeForStream', () => {
  it('yields the prefix and the frame of any message', () => {
    fc.assert(
      fc.property(arbitraryMessage, (message) => {
        expect(joined(encodeForStream(message))).toEqual(framed(encodeFrame(message)));
      }),
    );
  });

  it('does not copy large tensors', () => {
    const data = Float32Array.from({ length: 10_001 }, (_, index) => index);
    const bytes = Uint8Array.of(1, 2, 3);
    const message = {
      kind: 'compute',
      request: 7,
      task: 3,
      tensors: [
        { type: 'uint8', dims: [3], data: bytes },
        { type: 'float32', dims: [10_001], data },
        { type: 'float32', dims: [0], data: new Float32Array(0) },
        { type: 'float32', dims: [1, 10_001], data },
      ],
    } as const;
    const parts = encodeForStream(message);
    expect(joined(parts)).toEqual(framed(encodeFrame(message)));
    expect(parts.filter(({ buffer }) => buffer === data.buffer)).toHaveLength(2);
  });
});

describe('an answer frame', () => {
  it('equals the frame of the same answer, also in a used buffer', () => {
    fc.assert(
      fc.property(arbitraryMessage, (message) => {
        if (message.kind !== 'answer') return;
        const frame = new AnswerFrame(message.tensors, (bytes) => new Uint8Array(bytes).fill(0xff).buffer);
        for (const [index, { data }] of message.tensors.entries()) {
          bytesOf(frame.tensors[index]!.data).set(bytesOf(data));
        }
        const bytes = frame.finish(message, message.computeMicros);
        expect(bytes).toEqual(framed(encodeFrame(message)));
      }),
    );
  });
});
