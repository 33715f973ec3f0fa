import type { DataPlaneLink, DeviceNetwork } from '@sparewheel/data-plane-client';
import type {
  DeploymentView,
  DeviceView,
  NetworkDeviceView,
  NetworkPreset,
  NetworkView,
} from '@sparewheel/protocol';
import { NETWORK_PRESET_TEXTS } from '@sparewheel/protocol';
import type { EventLog } from '../events/event-log.ts';
import { presetFaults } from './preset-faults.ts';

/** Pause before a failed command is sent again. */
const RETRY_MS = 2_000;

/** A command to a device that has not taken effect, or why it failed. */
type Wanted = DeviceNetwork | null | string;

/** A call to one device, or its failure. */
interface PendingCommand {
  readonly preset: NetworkPreset;
  /** null while the call is in flight. */
  readonly failure: { readonly reason: string; readonly retryAtMs: number } | null;
}

export interface NetworkPresetParts {
  readonly dataPlane: Pick<DataPlaneLink, 'call'>;
  readonly events: Pick<EventLog, 'add'>;
  /** Returns the fleet as last reported. */
  readonly devices: () => readonly DeviceView[];
  /** Returns monotonic milliseconds. */
  readonly now: () => number;
}

/**
 * Keeps the devices of one deployment, and of its twin, in the emulated network of a preset. It compares each report of
 * the data plane with what is wanted: so a device that takes a seat or restarts gets the preset later, and one that loses its
 * seat gets its own faults back. One preset is active at a time, because deployments share devices.
 */
export class NetworkPresets {
  readonly #parts: NetworkPresetParts;
  readonly #pending = new Map<string, PendingCommand>();
  #chosen: { readonly deployment: string; readonly preset: Exclude<NetworkPreset, 'off'> } | null = null;
  #straggler: string | null = null;
  #views: ReadonlyMap<string, NetworkView> = new Map();

  constructor(parts: NetworkPresetParts) {
    this.#parts = parts;
  }

  /** Chooses the preset of a deployment. The preset of another deployment ends. */
  choose(deployment: string, preset: NetworkPreset, deployments: readonly DeploymentView[]): void {
    const before = this.#chosen;
    const twins = deployments.find(({ name }) => name === deployment);
    const ofOthers =
      before !== null && ![deployment, twins?.twin, twins?.mirrorOf].includes(before.deployment);
    // Off for one deployment does not end the preset of another.
    if (preset === 'off' && ofOthers) return;
    this.#chosen = preset === 'off' ? null : { deployment, preset };
    for (const [device, { failure }] of this.#pending) if (failure !== null) this.#pending.delete(device);
    if ((before?.preset ?? 'off') !== preset || ofOthers) {
      const { label } = NETWORK_PRESET_TEXTS[preset];
      const message =
        preset === 'off'
          ? `${deployment}: the emulated network ends.`
          : `${deployment}: the network preset “${label}” is emulated.`;
      this.#parts.events.add({ kind: 'network-preset', level: 'info', message, device: null, deployment });
    }
    this.review(deployments);
  }

  /** Returns the preset of a deployment, and how far its devices are; null without one. */
  view(deployment: string): NetworkView | null {
    return this.#views.get(deployment) ?? null;
  }

  /** Tells the devices that do not emulate what they should. Called after each report of the data plane. */
  review(deployments: readonly DeploymentView[]): void {
    const chosen = deployments.find(({ name }) => name === this.#chosen?.deployment);
    if (chosen === undefined) this.#chosen = null;
    const group = chosen === undefined ? [] : groupOf(chosen, deployments);
    const seated = new Set(group.flatMap(devicesOf));
    this.#straggler = chosen === undefined ? null : this.#stragglerOf(chosen);
    const states: NetworkDeviceView[] = [];
    for (const device of this.#parts.devices()) {
      const wanted =
        this.#chosen !== null && seated.has(device.id)
          ? presetFaults(this.#chosen.preset, device, this.#straggler)
          : null;
      const state = this.#review(device, wanted);
      if (state !== null) states.push({ device: device.id, name: device.name, ...state });
    }
    this.#views = this.#viewsOf(group, states, deployments);
  }

  #review(device: DeviceView, wanted: Wanted): Pick<NetworkDeviceView, 'state' | 'reason'> | null {
    const network = device.network ?? null;
    const preset = typeof wanted === 'object' && wanted !== null ? wanted.preset : 'off';
    if ((network?.preset ?? 'off') === preset) {
      const command = this.#pending.get(device.id);
      if (command?.failure !== null || command.preset === preset) this.#pending.delete(device.id);
      if (typeof wanted === 'string') return { state: 'impossible', reason: wanted };
      if (wanted === null) return null;
      return { state: network?.changed ? 'changed' : 'applied', reason: null };
    }
    const away = AWAY[device.state];
    if (away !== undefined) return { state: 'unreachable', reason: away };
    const command = this.#pending.get(device.id);
    const due = command === undefined || (command.failure?.retryAtMs ?? Infinity) <= this.#parts.now();
    if (due) this.#send(device.id, preset, typeof wanted === 'string' ? null : wanted);
    return command?.failure
      ? { state: 'unreachable', reason: command.failure.reason }
      : { state: 'pending', reason: null };
  }

  #send(device: string, preset: NetworkPreset, network: DeviceNetwork | null): void {
    this.#pending.set(device, { preset, failure: null });
    this.#parts.dataPlane.call({ kind: 'set-network', device, network }).then(
      // The next report shows the effect. If it does not, the command is sent again.
      () => this.#pending.delete(device),
      (error: Error) => {
        const failure = { reason: error.message, retryAtMs: this.#parts.now() + RETRY_MS };
        this.#pending.set(device, { preset, failure });
      },
    );
  }

  /** Keeps the straggler while it has a seat; otherwise chooses the first ready data device. */
  #stragglerOf(deployment: DeploymentView): string | null {
    const seats = deployment.progress.seats;
    if (seats.some(({ device }) => device === this.#straggler)) return this.#straggler;
    return (
      seats.find(({ role, state, device }) => role === 'data' && state === 'ready' && device !== null)
        ?.device ?? null
    );
  }

  #viewsOf(
    group: readonly DeploymentView[],
    states: readonly NetworkDeviceView[],
    deployments: readonly DeploymentView[],
  ): ReadonlyMap<string, NetworkView> {
    const views = new Map<string, NetworkView>();
    if (this.#chosen !== null) {
      for (const { name } of group) views.set(name, { preset: this.#chosen.preset, devices: states });
      return views;
    }
    // A device that cannot be reached yet still emulates the preset that ended.
    for (const deployment of deployments) {
      const own = new Set(devicesOf(deployment));
      const left = states.filter(({ device }) => own.has(device));
      if (left.length > 0) views.set(deployment.name, { preset: 'off', devices: left });
    }
    return views;
  }
}

/** Why a device in this state cannot be reached. */
const AWAY: Partial<Record<DeviceView['state'], string>> = {
  dead: 'its process ended; it follows when it returns',
  lost: 'it is not connected; it follows when it returns',
  joining: 'it is connecting',
};

/** A deployment with its twin, or with the deployment that it mirrors. */
function groupOf(deployment: DeploymentView, all: readonly DeploymentView[]): readonly DeploymentView[] {
  const { name, twin, mirrorOf } = deployment;
  return all.filter((each) => [name, twin, mirrorOf].includes(each.name));
}

function devicesOf({ progress }: DeploymentView): string[] {
  return progress.seats.flatMap(({ device, substitute }) => [device ?? [], substitute ?? []].flat());
}
