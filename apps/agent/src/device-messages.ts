/** Messages between the supervisor and a device process, over the IPC channel of `fork`. */
import type { DeviceIdentity, Outcome } from '@sparewheel/protocol';
import type { ThreadChoice } from './device-profile.ts';

export interface DeviceSettings {
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly identity: DeviceIdentity;
  /** Directory of the identity, the profile and the blobs. */
  readonly folder: string;
  readonly threads: ThreadChoice;
  /** The most bytes of weights that plans may give this device; undefined without a limit. */
  readonly memoryLimitBytes?: number;
}

export type ToDeviceProcess =
  | { readonly kind: 'start'; readonly settings: DeviceSettings }
  /** Sent without the network, so that it reaches a partitioned device. */
  | { readonly kind: 'fault'; readonly call: number; readonly fault: unknown };

export type FromDeviceProcess =
  | { readonly kind: 'log'; readonly message: string }
  | { readonly kind: 'outcome'; readonly call: number; readonly outcome: Outcome };
