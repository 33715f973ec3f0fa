import type { Device } from '../devices/device.ts';
import type { DeviceId, InstallProgress, SeatTask } from '../ports.ts';
import type { PlacementContext } from './placement-context.ts';
import { backOff, type Install, type SeatRecord } from './seat.ts';

/** What the placement does when an install has ended. */
export interface InstallHooks {
  /** A seat became ready. */
  readonly changed: () => void;
  /** Something may be due that was not before. */
  readonly lookAgain: () => void;
}

/**
 * Brings seats onto devices. A seat changes hands when everything is loaded where it goes, between two requests; what
 * the device before has loaded of it is unloaded, at once or when it comes back. Who is to sit where, and when, is the
 * placement's to say.
 */
export class SeatInstalls {
  readonly #runtime: PlacementContext;
  readonly #deployment: string;
  readonly #hooks: InstallHooks;
  /** What a device may still have loaded from a seat that it lost while it was away. */
  readonly #evicted = new Map<DeviceId, SeatTask[]>();

  constructor(runtime: PlacementContext, deployment: string, hooks: InstallHooks) {
    this.#runtime = runtime;
    this.#deployment = deployment;
    this.#hooks = hooks;
  }

  /** A device came (back): what it lost its seat for is unloaded. */
  deviceConnected(device: Device): void {
    const tasks = this.#evicted.get(device.id);
    if (!tasks) return;
    this.#evicted.delete(device.id);
    this.#runtime.installer.uninstall(device.id, tasks);
  }

  /** Starts to bring a seat onto a device: its own, or one that takes over and counts the seat as its own already. */
  begin(seat: SeatRecord, device: Device): void {
    const { emit, installer } = this.#runtime;
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
        backOff(seat, device, this.#runtime.options, this.#runtime.clock.now());
        this.#endInstall(seat, cause instanceof Error ? cause.message : String(cause));
        this.#hooks.lookAgain();
      },
    );
  }

  #installed(seat: SeatRecord, install: Install): void {
    const { emit, installer } = this.#runtime;
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
        seats: this.#runtime.seatsToStore(),
      });
      if (from) {
        from.seatCount--;
        if (from.connected) installer.uninstall(from.id, seat.tasks);
        else this.#evicted.set(from.id, [...(this.#evicted.get(from.id) ?? []), ...seat.tasks]);
      }
    }
    // Not before the seat is its own: this lets every placement look at its seats again.
    device.showedLife();
    this.#hooks.changed();
    // The device that lost its seat is a spare now, and may fill another.
    this.#hooks.lookAgain();
  }

  /** Breaks an install off; what it has loaded already where it was going is unloaded. */
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
      // What was loaded before it was broken off would stay loaded for nothing.
      if (device.connected) this.#runtime.installer.uninstall(device.id, seat.tasks);
    }
    this.#runtime.emit({
      kind: 'install-failed',
      deployment: this.#deployment,
      seat: seat.index,
      device: device.id,
      reason,
    });
  }
}
