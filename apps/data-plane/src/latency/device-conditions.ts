import type { CoordinatorEvent } from '@sparewheel/coordinator';
import type { FaultEvent } from '@sparewheel/data-plane-client';
import type { PeriodCause } from '@sparewheel/protocol';

interface Condition {
  /** An injected fault: "paused", "delay 50 ms". */
  fault: string | null;
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
    if (event.kind === 'network-set') return this.#networkSet(device, event.message || null);
    const before = this.#textOf(device);
    const text = this.#apply(device, event, nameOf(device));
    const after = this.#textOf(device);
    if (text === null || before === after) return null;
    return { device, cause: after === null ? 'revival' : 'fault', text };
  }

  #networkSet(device: string, network: string | null): ConditionChange | null {
    const condition = this.#conditions.get(device) ?? { fault: null, connection: null, network: null };
    if (condition.network === network) return null;
    this.#conditions.set(device, { ...condition, network });
    const text = network === null ? 'the emulated network ends' : `${network} is emulated`;
    return { device, cause: 'network', text };
  }

  #textOf(device: string): string | null {
    const { fault = null, connection = null } = this.#conditions.get(device) ?? {};
    return connection === 'killed' || connection === 'quarantined' ? connection : (fault ?? connection);
  }

  /** @returns what happened */
  #apply(device: string, event: CoordinatorEvent | FaultEvent, name: string): string | null {
    const condition = this.#conditions.get(device) ?? { fault: null, connection: null, network: null };
    this.#conditions.set(device, condition);
    switch (event.kind) {
      case 'fault-injected': {
        const fault = event.message.slice(name.length).replace(/^(: | is )/, '');
        if (fault === 'killed') {
          condition.connection = fault;
          condition.fault = null;
          // The process ends, and its emulation with it.
          condition.network = null;
        } else condition.fault = fault;
        return event.message;
      }
      case 'fault-healed':
      case 'device-revived':
        condition.fault = null;
        return event.message;
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
