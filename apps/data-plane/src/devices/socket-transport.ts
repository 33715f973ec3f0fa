import type { DeviceId, Transport } from '@sparewheel/coordinator';
import { type CancelRequest, type ComputeRequest, encodeFrame, type FromDevice } from '@sparewheel/protocol';

/** The engine.io connection below a tensors socket. */
export interface FrameSink {
  write(frame: Uint8Array): unknown;
}

export interface SocketTransportOptions {
  /** Returns the connection to a device. undefined if the device is not connected. */
  readonly sink: (device: DeviceId) => FrameSink | undefined;
  /**
   * Receives a refusal per device for a message that cannot be encoded, so that the coordinator does not
   * wait.
   */
  readonly refused: (device: DeviceId, message: FromDevice) => void;
}

/**
 * The transport of the coordinator over Socket.IO. Encodes a message once and writes the same frame to the
 * connection of each device, below the packets of Socket.IO. Sending 36 KB to five devices takes 67 µs,
 * against 75 µs for a room emit and 96 µs for five emits (medians of 2 700 on a loaded 2-core machine; most
 * of it is the writes).
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
      // A tensor exceeds the frame limit. Deferred: the coordinator has not recorded the computation yet.
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
