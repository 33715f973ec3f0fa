import type { CancelRequest, ComputeRequest, FromDevice, Tensor, ToDevice } from '@sparewheel/protocol';
import type { DeviceId, Transport } from '../ports.ts';

/**
 * A transport that puts copies of messages into inboxes. The test reads them and sends answers itself, in any order.
 */
export class ManualTransport implements Transport {
  readonly #inboxes = new Map<DeviceId, ToDevice[]>();
  receive: (device: DeviceId, message: FromDevice) => void = () => {};

  connect(device: DeviceId): void {
    this.#inboxes.set(device, []);
  }

  disconnect(device: DeviceId): void {
    this.#inboxes.delete(device);
  }

  /** Returns the messages sent to a device since the previous call. */
  take(device: DeviceId): ToDevice[] {
    return this.#inboxes.get(device)?.splice(0) ?? [];
  }

  scatter(devices: readonly DeviceId[], request: ComputeRequest): void {
    const copy = { ...request, tensors: request.tensors.map(copyTensor) };
    for (const device of devices) this.#inboxes.get(device)?.push(copy);
  }

  cancel(devices: readonly DeviceId[], request: CancelRequest): void {
    for (const device of devices) this.#inboxes.get(device)?.push(request);
  }
}

function copyTensor(tensor: Tensor): Tensor {
  return { type: tensor.type, dims: [...tensor.dims], data: tensor.data.slice() } as Tensor;
}
