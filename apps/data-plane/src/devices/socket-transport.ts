import type { DeviceId, Transport } from '@sparewheel/coordinator';
import { type CancelRequest, type ComputeRequest, encodeFrame, type FromDevice } from '@sparewheel/protocol';

/** The connection below a tensors socket; engine.io's own `write`. */
export interface FrameSink {
  write(frame: Uint8Array): unknown;
}

export interface SocketTransportOptions {
  /** Where frames to a device go; undefined where it is not connected. */
  readonly sink: (device: DeviceId) => FrameSink | undefined;
  /** A message that could not be sent at all is answered in the devices' name, so that nobody waits for it. */
  readonly refused: (device: DeviceId, message: FromDevice) => void;
}

/**
 * The coordinator's transport over Socket.IO. A message is encoded once and the same frame is written to each
 * device's connection, below Socket.IO's own packets. 36 KB to five devices: 67 µs, against 75 µs for a room emit and
 * 96 µs for one emit each (medians of 2 700 on one loaded 2-core machine; the writes themselves are most of it).
 */
export class SocketTransport implements Transport {
  readonly #options: SocketTransportOptions;

  constructor(options: SocketTransportOptions) {
    this.#options = options;
  }

  scatter(devices: readonly DeviceId[], request: ComputeRequest): void {
    this.#send(devices, request);
  }

  cancel(devices: readonly DeviceId[], request: CancelRequest): void {
    this.#send(devices, request);
  }

  #send(devices: readonly DeviceId[], message: ComputeRequest | CancelRequest): void {
    let frame: Uint8Array;
    try {
      frame = encodeFrame(message);
    } catch (error) {
      // A tensor over the frame limit. Later, because the coordinator has not noted the sending yet.
      const { request, task } = message;
      const refusal = {
        kind: 'refusal',
        request,
        task,
        code: 'unencodable',
        message: (error as Error).message,
      } as const;
      queueMicrotask(() => {
        for (const device of devices) this.#options.refused(device, refusal);
      });
      return;
    }
    for (const device of devices) this.#options.sink(device)?.write(frame);
  }
}
