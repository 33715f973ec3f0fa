import type { DeviceId, Transport } from '@sparewheel/coordinator';
import {
  type CancelRequest,
  type ComputeRequest,
  type FromDevice,
  UnencodableMessageError,
} from '@sparewheel/protocol';
import { OutgoingMessage, type TensorLink } from './gateway/tensor-link.ts';

export interface SocketTransportOptions {
  /** Returns the link to a device. undefined if the device is not connected. */
  readonly link: (device: DeviceId) => Pick<TensorLink, 'send'> | undefined;
  /**
   * Receives a refusal per device for a message that cannot be encoded, so that the coordinator does not
   * wait.
   */
  readonly refused: (device: DeviceId, message: FromDevice) => void;
}

/** The transport of the coordinator over the links of the devices. Encodes a message once for all of them. */
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
    const outgoing = new OutgoingMessage(message);
    try {
      for (const device of devices) this.#options.link(device)?.send(outgoing);
    } catch (error) {
      if (!(error instanceof UnencodableMessageError)) throw error;
      // A tensor exceeds the frame limit, for every device. Deferred: the coordinator has not recorded the
      // computation yet.
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
    }
  }
}
