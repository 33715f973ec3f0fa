import { type ComputeRequest, decodeFrame, type FromDevice, LIMITS } from '@sparewheel/protocol';
import { expect, it } from 'vitest';
import { SocketTransport } from './socket-transport.ts';

const REQUEST: ComputeRequest = {
  kind: 'compute',
  request: 7,
  task: 3,
  tensors: [{ type: 'float32', dims: [2], data: Float32Array.of(1, 2) }],
};

function transport(connected: readonly string[]) {
  const written: [string, Uint8Array][] = [];
  const refused: [string, FromDevice][] = [];
  const sockets = new SocketTransport({
    sink: (device) =>
      connected.includes(device) ? { write: (frame) => written.push([device, frame]) } : undefined,
    refused: (device, message) => refused.push([device, message]),
  });
  return { sockets, written, refused };
}

it('encodes a scatter once, for all who are connected', () => {
  const { sockets, written, refused } = transport(['a', 'c']);
  sockets.scatter(['a', 'b', 'c'], REQUEST);
  expect(written.map(([device]) => device)).toEqual(['a', 'c']);
  expect(written[0]![1]).toBe(written[1]![1]);
  expect(decodeFrame(written[0]![1])).toEqual(REQUEST);
  expect(refused).toEqual([]);
});

it('does not keep the tensors: what the caller does with them afterwards is not sent', () => {
  const { sockets, written } = transport(['a']);
  const data = Float32Array.of(1, 2);
  sockets.scatter(['a'], { ...REQUEST, tensors: [{ type: 'float32', dims: [2], data }] });
  data.fill(9);
  expect(decodeFrame(written[0]![1])).toEqual(REQUEST);
});

it('sends cancels', () => {
  const { sockets, written } = transport(['a']);
  sockets.cancel(['a'], { kind: 'cancel', request: 7, task: 3 });
  expect(decodeFrame(written[0]![1])).toEqual({ kind: 'cancel', request: 7, task: 3 });
});

it('refuses in the devices’ name what no frame can hold, after the call', async () => {
  const { sockets, written, refused } = transport(['a', 'b']);
  const tooMany = Array.from({ length: LIMITS.tensorsPerFrame + 1 }, () => REQUEST.tensors[0]!);
  sockets.scatter(['a', 'b'], { ...REQUEST, tensors: tooMany });
  expect(refused).toEqual([]);
  await Promise.resolve();
  expect(written).toEqual([]);
  expect(refused.map(([device, { kind, request, task }]) => [device, kind, request, task])).toEqual([
    ['a', 'refusal', 7, 3],
    ['b', 'refusal', 7, 3],
  ]);
});
