/** What travels between the supervisor and a device process, over the pipe that fork made. */
import type { DeviceIdentity, Outcome } from '@sparewheel/protocol';

export interface DeviceSettings {
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly identity: DeviceIdentity;
  /** Where blobs are kept. */
  readonly folder: string;
}

export type ToDeviceProcess =
  | { readonly kind: 'start'; readonly settings: DeviceSettings }
  /** Beside the network, so that it reaches a partitioned device. */
  | { readonly kind: 'fault'; readonly call: number; readonly fault: unknown };

export type FromDeviceProcess =
  | { readonly kind: 'log'; readonly message: string }
  | { readonly kind: 'outcome'; readonly call: number; readonly outcome: Outcome };
