import type { CancelRequest, ComputeRequest, FromDevice, Tensor, ToDevice } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import type { DeviceId, Transport } from '../ports.ts';

/** A transport and its device ends. Created anew for every rule. */
export interface TransportUnderTest {
  readonly transport: Transport;
  /** Connects a device. Resolves when the transport can reach it. */
  connect(device: DeviceId): Promise<DeviceEnd>;
  /** Registers a listener for all messages from devices. */
  onMessage(listener: (device: DeviceId, message: FromDevice) => void): void;
  close(): Promise<void>;
}

export interface DeviceEnd {
  /** Resolves with the next message from the coordinator, in send order. */
  next(): Promise<ToDevice>;
  send(message: FromDevice): void;
  /** Resolves when the transport has noticed the disconnection. */
  disconnect(): Promise<void>;
}

const request = (id: number, tensors: readonly Tensor[] = []): ComputeRequest => ({
  kind: 'compute',
  request: id,
  task: 7,
  tensors,
});
const cancel = (id: number): CancelRequest => ({ kind: 'cancel', request: id, task: 7 });

const TENSORS: readonly Tensor[] = [
  { type: 'float32', dims: [2, 2], data: Float32Array.of(1.5, -0, Number.NaN, Number.NEGATIVE_INFINITY) },
  { type: 'int64', dims: [2], data: BigInt64Array.of(-(2n ** 63n), 7n) },
  { type: 'uint8', dims: [3], data: Uint8Array.of(1, 2, 255) },
  { type: 'float32', dims: [], data: Float32Array.of(42) },
  { type: 'float32', dims: [0, 3], data: new Float32Array(0) },
  { type: 'float64', dims: [1], data: Float64Array.of(Math.PI) },
];

/** Defines the tests that every transport must pass. Call it in a test file, once per implementation. */
export function transportContract(name: string, create: () => Promise<TransportUnderTest>): void {
  describe(`${name} fulfills the transport contract`, () => {
    const rule = (title: string, check: (under: TransportUnderTest) => Promise<void>) =>
      it(title, async () => {
        const under = await create();
        try {
          await check(under);
        } finally {
          await under.close();
        }
      });

    rule('delivers one request to every named device, and to no other', async (under) => {
      const [a, b, c] = await Promise.all(
        ['device-a', 'device-b', 'device-c'].map((id) => under.connect(id)),
      );
      under.transport.scatter(['device-a', 'device-c'], request(1, TENSORS));
      under.transport.scatter(['device-b'], request(2));
      expect(await a!.next()).toEqual(request(1, TENSORS));
      expect(await c!.next()).toEqual(request(1, TENSORS));
      expect(await b!.next()).toEqual(request(2));
    });

    rule('keeps the order of requests and cancels to a device', async (under) => {
      const device = await under.connect('device-a');
      for (let id = 1; id <= 20; id++) {
        under.transport.scatter(['device-a'], request(id));
        under.transport.cancel(['device-a'], cancel(id));
      }
      for (let id = 1; id <= 20; id++) {
        expect(await device.next()).toEqual(request(id));
        expect(await device.next()).toEqual(cancel(id));
      }
    });

    rule('delivers large tensors bit for bit, and leaves them as they are', async (under) => {
      const devices = await Promise.all(['device-a', 'device-b'].map((id) => under.connect(id)));
      const data = Float32Array.from({ length: 100_003 }, (_, index) => index / 7);
      const copy = data.slice();
      const flags = { type: 'uint8', dims: [3], data: Uint8Array.of(1, 0, 1) } as const;
      const large = { type: 'float32', dims: [100_003], data } as const;
      under.transport.scatter(['device-a', 'device-b'], request(1, [flags, large, flags, large]));
      for (const device of devices) {
        const received = (await device.next()) as ComputeRequest;
        expect(received.tensors.map(({ dims }) => dims)).toEqual([[3], [100_003], [3], [100_003]]);
        for (const index of [1, 3]) {
          const { data: values } = received.tensors[index]!;
          expect(sameBytes(values, copy)).toBe(true);
        }
      }
      expect(sameBytes(data, copy)).toBe(true);
    });

    rule('ignores devices that are disconnected or unknown', async (under) => {
      const [gone, here] = await Promise.all(['device-a', 'device-b'].map((id) => under.connect(id)));
      await gone!.disconnect();
      under.transport.scatter(['device-a', 'unknown', 'device-b'], request(1));
      under.transport.cancel(['device-a', 'unknown'], cancel(1));
      expect(await here!.next()).toEqual(request(1));
    });

    rule('delivers answers bit for bit, in order, and never during a call', async (under) => {
      const device = await under.connect('device-a');
      const received: FromDevice[] = [];
      const all = new Promise<void>((resolve) => {
        under.onMessage((id, message) => {
          expect(id).toBe('device-a');
          if (received.push(message) === 3) resolve();
        });
      });
      under.transport.scatter(['device-a'], request(1));
      expect(received).toEqual([]);
      await device.next();
      const answer = { kind: 'answer', request: 1, task: 7, computeMicros: 12, tensors: TENSORS } as const;
      const refusal = { kind: 'refusal', request: 2, task: 7, code: 'engine', message: 'no: ü' } as const;
      device.send(answer);
      device.send(refusal);
      device.send({ ...answer, request: 3 });
      await all;
      expect(received).toEqual([answer, refusal, { ...answer, request: 3 }]);
    });
  });
}

/** Returns whether two arrays have the same bits. `toEqual` takes seconds for arrays of this size. */
function sameBytes(one: ArrayBufferView, other: ArrayBufferView): boolean {
  const [a, b] = [one, other].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  return a!.equals(b!);
}
