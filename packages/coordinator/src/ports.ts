/** What the coordinator asks of the world. It has no timers, sockets or randomness of its own. */
import type { Artifact } from '@sparewheel/planner';
import type { CancelRequest, ComputeRequest, Tensor } from '@sparewheel/protocol';

export type { Clock } from '@sparewheel/runtime/clock';

export type DeviceId = string;

/** Sends to devices. Never throws: a device that is gone is silent, and silence is what the coordinator handles. */
export interface Transport {
  /** One request to several devices, encoded once. The tensors are not kept after the call. */
  scatter(devices: readonly DeviceId[], request: ComputeRequest): void;
  cancel(devices: readonly DeviceId[], request: CancelRequest): void;
}

/** The data plane's own engine: local steps, and rescues of shards that no device will answer. */
export interface LocalCompute {
  /** @param feeds  in the order of `names.feeds`; the result in the order of `names.fetches` */
  run(
    artifact: Artifact,
    names: { readonly feeds: readonly string[]; readonly fetches: readonly string[] },
    feeds: readonly Tensor[],
  ): Promise<readonly Tensor[]>;
}

/** What a seat's holder must be able to compute: one entry per step in which the seat takes part. */
export interface SeatTask {
  /** The number under which every device of the step's group knows it. */
  readonly task: number;
  readonly artifact: Artifact;
  readonly feeds: readonly string[];
  readonly fetches: readonly string[];
}

export interface InstallProgress {
  readonly sentBytes: number;
  readonly totalBytes: number;
}

/** Brings a seat's tasks onto a device: sends the blobs that it does not hold, loads the tasks. */
export interface Installer {
  /** Resolves when every task is loaded; rejects when the device is lost or refuses, or on abort. */
  install(
    device: DeviceId,
    tasks: readonly SeatTask[],
    options: { readonly signal: AbortSignal; readonly onProgress: (progress: InstallProgress) => void },
  ): Promise<void>;
  /** Best effort; a device that is gone has nothing to unload. */
  uninstall(device: DeviceId, tasks: readonly SeatTask[]): void;
}
