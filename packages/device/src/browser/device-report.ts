/** What travels between a page and the Worker in which its device lives. */
import type { DeviceIdentity, HandshakeRefusal, Outcome } from '@sparewheel/protocol';

export interface TabDeviceSettings {
  /** Origin of the data plane. */
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly identity: DeviceIdentity;
  /** Whether the identity outlives the tab: only then is it worth keeping shards longer. */
  readonly lasting: boolean;
  /** The browser and its system, as the fleet shows them. */
  readonly platform: string;
}

/** What a device says of itself to the page, twice a second and whenever its connection changes. */
export interface DeviceReport {
  readonly connection: 'connecting' | 'joined' | 'lost';
  /** Why the data plane said no the last time; null once it said yes. */
  readonly refusal: HandshakeRefusal | null;
  readonly partitioned: boolean;
  /** Where shards are kept: in the browser's storage, or in memory until the tab is closed. */
  readonly storage: 'lasting' | 'memory';
  readonly blobs: number;
  readonly storeBytes: number;
  readonly memoryBytes: number;
  /** Computations that it can do now. */
  readonly tasks: number;
  readonly inFlight: number;
  readonly answers: number;
  /** Mean over the last answers; null before the first. */
  readonly computeMs: number | null;
}

export type ToDeviceWorker =
  | { readonly kind: 'start'; readonly settings: TabDeviceSettings }
  /** Beside the network, so that it reaches a partitioned device. */
  | { readonly kind: 'fault'; readonly call: number; readonly fault: unknown };

export type FromDeviceWorker =
  | { readonly kind: 'report'; readonly report: DeviceReport }
  | { readonly kind: 'outcome'; readonly call: number; readonly outcome: Outcome }
  /** It could not start, or something crashed in it: nothing but another start changes that. */
  | { readonly kind: 'failed'; readonly message: string };
