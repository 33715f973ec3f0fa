/**
 * One peer of the raw TCP baseline. It connects to the parent process and receives into one reused buffer (`onread`),
 * without framing, checks or allocation: about the lowest cost in Node. After every REQUEST_BYTES it answers:
 *
 *   discard  with constant bytes
 *   engine   with the output of the model in FILE, run by ONNX Runtime on the received bytes
 *   store    with constant bytes, after it hashed the request (SHA-256) and wrote it to FILE
 *
 *   node --import tsx raw-tcp-peer.ts PORT REQUEST_BYTES ANSWER_BYTES discard|engine|store [FILE]
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [port, requestBytes, answerBytes] = process.argv.slice(2, 5).map(Number) as [number, number, number];
const [work = 'discard', file = ''] = process.argv.slice(5);
const CHUNK_BYTES = 256 * 1024;

const answer = Buffer.alloc(answerBytes, 1);
/** Takes some bytes of a request. */
let take = (_bytes: Uint8Array): void => {};
/** Ends a request, and returns when its answer may be sent. */
let finish = async (): Promise<void> => {};

if (work === 'engine') {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const request = new Float32Array(requestBytes / 4);
  const output = new Float32Array(answer.buffer, answer.byteOffset, answerBytes / 4);
  const feeds = { [session.inputNames[0]!]: new Tensor('float32', request, [request.length]) };
  const fetches = { [session.outputNames[0]!]: new Tensor('float32', output, [output.length]) };
  const bytes = new Uint8Array(request.buffer);
  let filled = 0;
  take = (chunk) => {
    bytes.set(chunk, filled);
    filled += chunk.byteLength;
  };
  finish = async () => {
    filled = 0;
    await session.run(feeds, fetches);
  };
} else if (work === 'store') {
  let hash = createHash('sha256');
  const target = openSync(file, 'w');
  take = (chunk) => {
    hash.update(chunk);
    writeSync(target, chunk);
  };
  finish = async () => {
    hash.digest();
    hash = createHash('sha256');
    closeSync(target);
  };
}

const buffer = new Uint8Array(CHUNK_BYTES);
let received = 0;
const socket = connect({
  port,
  host: '127.0.0.1',
  noDelay: true,
  onread: {
    buffer,
    callback: (length) => {
      for (let at = 0; at < length; ) {
        const count = Math.min(length - at, requestBytes - received);
        take(buffer.subarray(at, at + count));
        at += count;
        received += count;
        if (received < requestBytes) continue;
        received = 0;
        void finish().then(() => socket.write(answer));
      }
      return true;
    },
  },
});
socket.on('error', () => socket.destroy());
process.on('disconnect', () => process.exit(0));
