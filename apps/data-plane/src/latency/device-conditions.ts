import type { CoordinatorEvent } from '@sparewheel/coordinator';
import type { FaultEvent } from '@sparewheel/data-plane-client';
import { faultSentence, faultWords, type InjectedFault, type PeriodCause } from '@sparewheel/protocol';

interface Condition {
  /** The injected faults that are in effect, without a kill: that lasts until the device answers again. */
  faults: readonly InjectedFault[];
  /** Why it does not answer: "killed", "lost", "silent" or "quarantined". */
  connection: string | null;
  /** The emulated network: "paper’s WiFi". */
  network: string | null;
}

/** A change of a device that can affect the latency of its deployments. */
export interface ConditionChange {
  readonly device: string;
  readonly cause: PeriodCause;
  /** "local-4 is killed" */
  readonly text: string;
}

/** What is wrong with each device, from the events of the coordinator and of the fault injection. */
export class DeviceConditions {
  readonly #conditions = new Map<string, Condition>();

  /**
   * Describes the devices of a deployment: "healthy", "local-3 delay 50 ms, local-4 killed", or
   * "healthy, paper’s WiFi (emulated)".
   * @param devices  the devices that have a seat
   */
  describe(devices: readonly string[], nameOf: (device: string) => string): string {
    const problems = devices
      .filter((device) => this.#textOf(device) !== null)
      .map((device) => `${nameOf(device)} ${this.#textOf(device)}`)
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    const networks = new Set(devices.flatMap((device) => this.#conditions.get(device)?.network ?? []));
    const condition = problems.length === 0 ? 'healthy' : [...new Set(problems)].join(', ');
    return [condition, ...[...networks].map((network) => `${network} (emulated)`)].join(', ');
  }

  /** @returns null if the condition of the event's device stays the same */
  observe(event: CoordinatorEvent | FaultEvent, nameOf: (device: string) => string): ConditionChange | null {
    if (!('device' in event) || event.device === null) return null;
    const { device } = event;
    if (event.kind === 'network-set') {
      this.#conditionOf(device).faults = event.active;
      return this.#networkSet(device, event.network);
    }
    const before = this.#textOf(device);
    const text = this.#apply(device, event, nameOf(device));
    const after = this.#textOf(device);
    if (text === null || before === after) return null;
    return { device, cause: after === null ? 'revival' : 'fault', text };
  }

  #conditionOf(device: string): Condition {
    const condition = this.#conditions.get(device) ?? { faults: [], connection: null, network: null };
    this.#conditions.set(device, condition);
    return condition;
  }

  #textOf(device: string): string | null {
    const { faults, connection } = this.#conditionOf(device);
    if (connection === 'killed' || connection === 'quarantined') return connection;
    return faults.length > 0 ? faults.map(faultWords).join(' and ') : connection;
  }

  #networkSet(device: string, network: string | null): ConditionChange | null {
    const condition = this.#conditionOf(device);
    if (condition.network === network) return null;
    condition.network = network;
    const text = network === null ? 'the emulated network ends' : `${network} is emulated`;
    return { device, cause: 'network', text };
  }

  /** @returns what happened */
  #apply(device: string, event: CoordinatorEvent | FaultEvent, name: string): string | null {
    const condition = this.#conditionOf(device);
    switch (event.kind) {
      case 'fault-injected':
        condition.faults = event.active.filter(({ kind }) => kind !== 'kill');
        if (event.fault.kind === 'kill') {
          condition.connection = 'killed';
          // The process ends, and its emulation with it.
          condition.network = null;
        }
        return faultSentence(name, event.fault);
      case 'fault-healed':
        condition.faults = event.active;
        return `a fault of ${name} is ended`;
      case 'device-revived':
        condition.faults = event.active;
        return `${name} is revived`;
      case 'device-lost':
        condition.connection ??= 'lost';
        return `${name} is lost: ${event.reason}`;
      case 'device-silent':
        condition.connection ??= 'silent';
        return `${name} is silent`;
      case 'device-quarantined':
        condition.connection = 'quarantined';
        return `${name} is quarantined`;
      case 'device-answering':
      case 'install-finished':
        if (condition.connection !== 'quarantined') condition.connection = null;
        return `${name} answers again`;
      case 'device-released':
        condition.connection = null;
        return `${name} is released`;
      default:
        return null;
    }
  }
}
