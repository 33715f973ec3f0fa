/** The interfaces that the coordinator needs from its host. It has no timers, sockets or randomness of its own. */
import type { Artifact } from '@sparewheel/planner';
import type { CancelRequest, ComputeRequest, Tensor } from '@sparewheel/protocol';

export type { Clock } from '@sparewheel/runtime/clock';

export type DeviceId = string;

/** Sends messages to devices. Never throws: a disconnected device is silent, and the coordinator handles silence. */
export interface Transport {
  /** Sends one request to several devices. The tensors must not change afterwards: they may be sent later. */
  scatter(devices: readonly DeviceId[], request: ComputeRequest): void;
  cancel(devices: readonly DeviceId[], request: CancelRequest): void;
}

/** The engine of the data plane. It runs local steps, and rescues shards that no device will answer. */
export interface LocalCompute {
  /**
   * Runs one artifact.
   * @param feeds  in the order of `names.feeds`
   * @param timeoutMs  time until the deadline of the request. The result is not used after it
   * @returns the outputs in the order of `names.fetches`
   */
  run(
    artifact: Artifact,
    names: { readonly feeds: readonly string[]; readonly fetches: readonly string[] },
    feeds: readonly Tensor[],
    timeoutMs?: number,
  ): Promise<readonly Tensor[]>;
}

/** One computation that a seat's device must load: the seat's part in one step. */
export interface SeatTask {
  /** The task number, shared by all devices of the step. */
  readonly task: number;
  readonly artifact: Artifact;
  readonly feeds: readonly string[];
  readonly fetches: readonly string[];
}

export interface InstallProgress {
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** Installs a seat's tasks on a device: sends the blobs that the device lacks and loads the tasks. */
export interface Installer {
  /** Resolves when every task is loaded. Rejects when the device disconnects or refuses, and on abort. */
  install(
    device: DeviceId,
    tasks: readonly SeatTask[],
    options: { readonly signal: AbortSignal; readonly onProgress: (progress: InstallProgress) => void },
  ): Promise<void>;
  /** Unloads tasks, best effort. A disconnected device has nothing to unload. */
  uninstall(device: DeviceId, tasks: readonly SeatTask[]): void;
}
