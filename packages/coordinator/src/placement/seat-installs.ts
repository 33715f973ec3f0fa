import type { Device } from '../devices/device.ts';
import type { Fleet } from '../devices/fleet.ts';
import type { CoordinatorEvent } from '../events.ts';
import type { CoordinatorOptions } from '../options.ts';
import type { RescueRule } from '../policy.ts';
import type { Clock, DeviceId, Installer, InstallProgress, SeatTask } from '../ports.ts';
import { backOff, type Install, type SeatRecord } from './seat.ts';

/** The parts of a coordinator that a placement needs. */
export interface PlacementContext {
  readonly clock: Clock;
  readonly options: CoordinatorOptions;
  readonly fleet: Fleet;
  readonly installer: Installer;
  readonly emit: (event: CoordinatorEvent) => void;
  /** Returns the seat assignment to store for a restart: that of the most recently deployed plan. */
  seatsToStore(): readonly (DeviceId | null)[];
  /** Returns the deployment's present rules for failures. */
  policy(): { readonly rescue: RescueRule; readonly detectMs: number | null };
  /** Emits the event of an outage that has begun, so that the events of its parts follow it. */
  reportOutage(): void;
  /** Called when a seat became ready or was lost, and when no other seat will become ready. */
  placementChanged(): void;
}

export interface InstallHooks {
  readonly seatReady: () => void;
  /** An install ended, so the placement must reconcile its seats. */
  readonly reconcile: () => void;
}

/**
 * Installs seats on devices. A seat moves to its new device only when all its tasks are loaded there, between two
 * requests. Tasks on the previous device are unloaded at once, or when that device reconnects. The placement decides
 * which device gets which seat, and when.
 */
export class SeatInstalls {
  readonly #context: PlacementContext;
  readonly #deployment: string;
  readonly #hooks: InstallHooks;
  /** Tasks to unload when a device reconnects, because it lost its seat while it was down. */
  readonly #evicted = new Map<DeviceId, SeatTask[]>();

  constructor(context: PlacementContext, deployment: string, hooks: InstallHooks) {
    this.#context = context;
    this.#deployment = deployment;
    this.#hooks = hooks;
  }

  /** Unloads the tasks of a seat that the device lost while it was down. */
  deviceConnected(device: Device): void {
    const tasks = this.#evicted.get(device.id);
    if (!tasks) return;
    this.#evicted.delete(device.id);
    this.#context.installer.uninstall(device.id, tasks);
  }

  /** Drops the tasks that a removed device would have to unload. */
  forget(device: Device): void {
    this.#evicted.delete(device.id);
  }

  /** Unloads tasks that a device no longer needs; at its next connection if it is down. */
  unload(device: Device, tasks: readonly SeatTask[]): void {
    if (device.connected) this.#context.installer.uninstall(device.id, tasks);
    else this.#evicted.set(device.id, [...(this.#evicted.get(device.id) ?? []), ...tasks]);
  }

  /** Starts an install. For a takeover, the caller has already added the seat to the new device's `seatCount`. */
  begin(seat: SeatRecord, device: Device): void {
    const { emit, installer } = this.#context;
    const deployment = this.#deployment;
    const install: Install = {
      device,
      controller: new AbortController(),
      progress: { sentBytes: 0, totalBytes: 0 },
    };
    seat.install = install;
    emit({ kind: 'install-started', deployment, seat: seat.index, device: device.id });
    const { signal } = install.controller;
    const onProgress = (progress: InstallProgress) => {
      if (seat.install !== install) return;
      install.progress = progress;
      emit({ kind: 'install-progress', deployment, seat: seat.index, device: device.id, progress });
    };
    installer.install(device.id, seat.tasks, { signal, onProgress }).then(
      () => {
        if (seat.install === install) this.#installed(seat, install);
      },
      (cause: unknown) => {
        if (seat.install !== install) return;
        backOff(seat, device, this.#context.options, this.#context.clock.now());
        this.#endInstall(seat, cause instanceof Error ? cause.message : String(cause));
        this.#hooks.reconcile();
      },
    );
  }

  #installed(seat: SeatRecord, install: Install): void {
    const { emit } = this.#context;
    const { device, progress } = install;
    const from = seat.holder;
    seat.install = null;
    seat.loaded = true;
    seat.refusals = 0;
    const common = { deployment: this.#deployment, seat: seat.index };
    emit({ kind: 'install-finished', ...common, device: device.id, transferredBytes: progress.sentBytes });
    if (from !== device) {
      seat.holder = device;
      emit({
        kind: 'seat-reassigned',
        ...common,
        from: from?.id ?? null,
        to: device.id,
        seats: this.#context.seatsToStore(),
      });
      if (from) {
        from.seatCount--;
        this.unload(from, seat.tasks);
      }
    }
    // Must follow the change of holder: it makes every placement reconcile, which could give the device a second seat.
    device.markResponsive();
    this.#hooks.seatReady();
    // The previous device is a standby now and may fill another seat.
    this.#hooks.reconcile();
  }

  /** Aborts the seat's install. Unloads the tasks already loaded on a device that was taking the seat over. */
  abort(seat: SeatRecord, reason: string): void {
    const { controller } = seat.install!;
    this.#endInstall(seat, reason);
    controller.abort(new Error(reason));
  }

  #endInstall(seat: SeatRecord, reason: string): void {
    const { device } = seat.install!;
    seat.install = null;
    if (device !== seat.holder) {
      device.seatCount--;
      // Tasks loaded before the abort would stay on the device without a seat.
      if (device.connected) this.#context.installer.uninstall(device.id, seat.tasks);
    }
    this.#context.emit({
      kind: 'install-failed',
      deployment: this.#deployment,
      seat: seat.index,
      device: device.id,
      reason,
    });
  }
}

/** Returns the bytes of the weights of tasks, which may share files. */
export function weightsOf(tasks: readonly SeatTask[]): number {
  const files = new Map(
    tasks.flatMap(({ artifact: { weights } }) => (weights ? [[weights.sha256, weights.bytes]] : [])),
  );
  let bytes = 0;
  for (const size of files.values()) bytes += size;
  return bytes;
}
