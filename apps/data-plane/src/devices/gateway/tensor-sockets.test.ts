/** Tensor sockets, opened correctly and wrongly, over real loopback sockets. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { encodeFrame, STREAM_PREFIX_BYTES, TENSOR_SOCKET } from '@sparewheel/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { closed, deviceSockets, helloOf } from '../../testing/scripted-device.ts';
import { openTensorSocket, type TensorSocketEnd, tensorKey } from '../../testing/tensor-socket.ts';
import { TestPlane } from '../../testing/test-plane.ts';

const ID = 'device-0001';

let plane: TestPlane;
let control: ReturnType<typeof deviceSockets>['control'];

beforeEach(async () => {
  plane = await TestPlane.start();
  const sockets = deviceSockets(plane.url, { id: ID });
  sockets.tensors.disconnect();
  control = sockets.control;
  await new Promise<void>((resolve) => control.once('connect', resolve));
});
afterEach(async () => {
  control.disconnect();
  await plane.stop();
});

async function join(): Promise<TensorSocketEnd> {
  const end = await openTensorSocket(plane.url, await tensorKey(control));
  control.emit('hello', helloOf(ID), () => {});
  await plane.until(() => plane.device(ID)?.state === 'ready');
  return end;
}

const refusals = () =>
  plane.events('device-refused').map((event) => ('message' in event ? event.message : ''));

it('completes a device together with its control connection', async () => {
  await join();
  expect(plane.device(ID)).toMatchObject({ state: 'ready' });
});

it('accepts each key once, and reports an invalid key', async () => {
  const key = await tensorKey(control);
  await openTensorSocket(plane.url, key);
  await expect(openTensorSocket(plane.url, key)).rejects.toThrow('status 401');
  await expect(openTensorSocket(plane.url, 'an-unknown-key-of-some-length')).rejects.toThrow('status 401');
  expect(refusals()).toEqual(['a tensor socket was opened without a valid key']);
});

it('keeps the keys of other devices', async () => {
  const key = await tensorKey(control);
  const other = deviceSockets(plane.url, { id: 'device-0002' });
  try {
    await new Promise<void>((resolve) => other.control.once('connect', resolve));
    await tensorKey(other.control);
    await openTensorSocket(plane.url, key);
  } finally {
    other.control.disconnect();
    other.tensors.disconnect();
  }
});

it('closes a refused socket, also if the peer keeps its end open', async () => {
  const socket = connect({ port: plane.plane.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.write(
    `GET ${TENSOR_SOCKET.path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${TENSOR_SOCKET.upgrade}\r\n\r\n`,
  );
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toContain('401');
  // Only a destroyed socket answers a write with a reset.
  const reset = once(socket, 'error');
  const write = (): void => void socket.write('x', () => setImmediate(write));
  write();
  expect(await reset).toEqual([expect.objectContaining({ code: expect.stringMatching(/ECONNRESET|EPIPE/) })]);
  socket.destroy();
});

it('replaces the key when the device asks again', async () => {
  const first = await tensorKey(control);
  const second = await tensorKey(control);
  await expect(openTensorSocket(plane.url, first)).rejects.toThrow('status 401');
  await openTensorSocket(plane.url, second);
});

it('closes a socket whose control connection is gone', async () => {
  const key = await tensorKey(control);
  control.disconnect();
  await expect(openTensorSocket(plane.url, key).then(({ closed }) => closed)).resolves.toBeDefined();
});

it('ignores upgrades of other paths', async () => {
  const key = await tensorKey(control);
  await expect(openTensorSocket(plane.url, key, () => {}, '/tensors/other')).rejects.toThrow();
  await openTensorSocket(plane.url, key, () => {}, TENSOR_SOCKET.path);
});

it('ends with the control connection', async () => {
  const end = await join();
  control.disconnect();
  await end.closed;
  await plane.until(() => plane.device(ID)?.state !== 'ready');
});

it('takes the device down when it closes', async () => {
  const end = await join();
  end.socket.destroy();
  await plane.until(() => plane.device(ID)?.state !== 'ready');
});

it.each([
  ['a length that no frame has', Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)],
  ['a frame that is too long', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)],
  ['random bytes', new Uint8Array(100).fill(0x53)],
  [
    'a message that only the data plane sends',
    (() => {
      const frame = encodeFrame({ kind: 'cancel', request: 1, task: 1 });
      const bytes = new Uint8Array(STREAM_PREFIX_BYTES + frame.byteLength);
      bytes[0] = frame.byteLength;
      bytes.set(frame, STREAM_PREFIX_BYTES);
      return bytes;
    })(),
  ],
])('disconnects and rejects a device that sends %s', async (_what, bytes) => {
  const end = await join();
  const gone = closed(control);
  end.socket.write(bytes);
  await gone;
  await end.closed;
  expect(refusals()).toEqual([expect.stringContaining(`device ${ID}`)]);
});
