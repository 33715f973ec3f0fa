/** Messages between a page and the Worker that runs its device. */

import type { DeviceIdentity, HandshakeRefusal, Outcome } from '@sparewheel/protocol';
import type { Sleep } from './sleep-detector.ts';

export interface TabDeviceSettings {
  /** Origin of the data plane. */
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly identity: DeviceIdentity;
  /** Whether the identity outlives the tab. Otherwise persistent shards would never be used again. */
  readonly lasting: boolean;
  /** Browser and operating system, shown in the fleet. */
  readonly platform: string;
}

/** The device's status, sent to the page when it changes, a few times a second at most. */
export interface DeviceReport {
  readonly connection: 'connecting' | 'joined' | 'lost';
  /** The data plane's last refusal; null after it accepts the device. */
  readonly refusal: HandshakeRefusal | null;
  readonly partitioned: boolean;
  /** Where shards are stored. `memory` means until the tab is closed. */
  readonly storage: 'lasting' | 'memory';
  readonly blobs: number;
  readonly storeBytes: number;
  readonly memoryBytes: number;
  /** Loaded tasks. */
  readonly tasks: number;
  readonly inFlight: number;
  readonly answers: number;
  /** The answers since the report before, at most RECENT_ANSWERS, oldest first. */
  readonly recent: readonly RecentAnswer[];
  /** Moving average; null before the first answer. */
  readonly computeMs: number | null;
  /** The last time that the browser or the phone stopped this device; null if it never did. */
  readonly slept: Sleep | null;
}

export interface RecentAnswer {
  /** In ms since 1970. */
  readonly at: number;
  readonly computeMs: number;
}

/** Bound of the answers in a report. The count stays exact beyond it. */
export const RECENT_ANSWERS = 60;

export type ToDeviceWorker =
  | { readonly kind: 'start'; readonly settings: TabDeviceSettings }
  /** Sent without the network, so that it reaches a partitioned device. */
  | { readonly kind: 'fault'; readonly call: number; readonly fault: unknown };

export type FromDeviceWorker =
  | { readonly kind: 'report'; readonly report: DeviceReport }
  | { readonly kind: 'outcome'; readonly call: number; readonly outcome: Outcome }
  /** The device could not start or crashed. It needs a new Worker. */
  | { readonly kind: 'failed'; readonly message: string };
