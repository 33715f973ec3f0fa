import type { DeviceNetwork, FaultEvent } from '@sparewheel/data-plane-client';
import {
  ApiError,
  type EmulatedFault,
  type Fault,
  type FaultRequest,
  type InjectedFault,
  isNeutral,
  type Outcome,
} from '@sparewheel/protocol';
import { type DeviceGateway, DeviceGoneError } from './gateway/device-gateway.ts';
import type { DeviceRegistry } from './gateway/device-registry.ts';
import type { Supervisors } from './gateway/supervisors.ts';

/** What one device process emulates. */
interface Emulation {
  readonly incarnation: string | null;
  /** The faults that an operator injected, by kind. */
  readonly faults: Map<string, EmulatedFault>;
  /**
   * The network preset. Its faults hide those of the operator while it lasts, unless they are newer: then `faults`
   * lacks their kinds and `changed` is true.
   */
  network: {
    readonly preset: DeviceNetwork['preset'];
    readonly faults: Map<string, EmulatedFault>;
    changed: boolean;
  } | null;
  /** Grows with each change. */
  revision: number;
}

/**
 * Injects faults into devices. Kill, pause, resume and revive are real and done by the device's supervisor.
 * The device process emulates the other faults. Every command is idempotent.
 */
export class DeviceFaults {
  readonly #gateway: DeviceGateway;
  readonly #supervisors: Supervisors;
  readonly #registry: DeviceRegistry;
  readonly #emit: (event: FaultEvent) => void;
  readonly #emulated = new Map<string, Emulation>();
  readonly #paused = new Set<string>();

  constructor(
    gateway: DeviceGateway,
    supervisors: Supervisors,
    registry: DeviceRegistry,
    emit: (event: FaultEvent) => void,
  ) {
    this.#gateway = gateway;
    this.#supervisors = supervisors;
    this.#registry = registry;
    this.#emit = emit;
  }

  /** Returns whether the device process is paused. */
  isPaused(device: string): boolean {
    return this.#paused.has(device) && this.#supervisors.of(device)?.running === true;
  }

  /** Returns the active emulated faults of a device. They end with the device process. */
  active(device: string): readonly EmulatedFault[] {
    const { faults, network } = this.#emulationOf(device);
    return [...new Map([...faults, ...(network?.faults ?? [])]).values()].filter(
      (fault) => !isNeutral(fault),
    );
  }

  /** Returns the faults that an operator injected and that no network preset hides. */
  #injected(device: string): readonly InjectedFault[] {
    const { faults, network } = this.#emulationOf(device);
    const emulated = [...faults.values()].filter(({ kind }) => network?.faults.has(kind) !== true);
    return this.#paused.has(device) ? [{ kind: 'pause' }, ...emulated] : emulated;
  }

  /** Returns the network preset that a device emulates; null without one. It ends with the device process. */
  network(device: string): { readonly preset: DeviceNetwork['preset']; readonly changed: boolean } | null {
    const { network } = this.#emulationOf(device);
    return network === null ? null : { preset: network.preset, changed: network.changed };
  }

  /**
   * Replaces the faults of the network preset of a device. The faults that an operator injected before it return when it
   * ends; those injected since stay.
   * @param next  null ends the preset
   * @throws {ApiError} 404 the device is unknown; 409 it is not connected, or its faults changed meanwhile; 502 the
   *   agent rejected a fault
   */
  async setNetwork(device: string, next: DeviceNetwork | null): Promise<void> {
    const name = this.#nameOf(device);
    const emulation = this.#emulationOf(device);
    const { faults, network, revision } = emulation;
    const wanted = new Map<string, EmulatedFault>(next?.faults.map((fault) => [fault.kind, fault]));
    for (const kind of ['delay', 'slow'] as const) {
      if (!wanted.has(kind) && !network?.faults.has(kind)) continue;
      await this.#emulate(device, wanted.get(kind) ?? faults.get(kind) ?? NEUTRAL[kind]);
    }
    if (emulation.incarnation !== this.#incarnation(device) || emulation.revision !== revision) {
      throw new ApiError(409, 'changed-meanwhile', `the faults of ${name} changed meanwhile`, 'Try again.');
    }
    emulation.revision++;
    emulation.network = next === null ? null : { preset: next.preset, faults: wanted, changed: false };
    this.#emulated.set(device, emulation);
    this.#emit({ kind: 'network-set', device, network: next?.text ?? null, active: this.#injected(device) });
  }

  #emulationOf(device: string): Emulation {
    const incarnation = this.#incarnation(device);
    const entry = this.#emulated.get(device);
    if (entry !== undefined && entry.incarnation === incarnation) return entry;
    return { incarnation, faults: new Map(), network: null, revision: 0 };
  }

  /**
   * Injects a fault, or ends faults (`resume`, `heal`).
   * @throws {ApiError} 404 the device is unknown; 409 the fault is not possible now; 502 the agent rejected
   *   it
   */
  async inject(device: string, request: FaultRequest): Promise<void> {
    this.#nameOf(device);
    switch (request.kind) {
      case 'kill':
        if (this.#supervised(device, 'killed').running) {
          // Emitted first: the loss of the device belongs to this fault.
          this.#emit({ kind: 'fault-injected', device, fault: { kind: 'kill' }, active: [{ kind: 'kill' }] });
          await this.#command(device, 'kill');
        }
        this.#paused.delete(device);
        return;
      case 'pause':
        this.#expectRunning(device, 'paused');
        if (this.#paused.has(device)) return;
        this.#emit({
          kind: 'fault-injected',
          device,
          fault: { kind: 'pause' },
          active: [{ kind: 'pause' }, ...this.#injected(device)],
        });
        await this.#command(device, 'pause');
        this.#paused.add(device);
        return;
      case 'resume':
        this.#expectRunning(device, 'resumed');
        await this.#command(device, 'resume');
        if (this.#paused.delete(device)) {
          this.#emit({ kind: 'fault-healed', device, ended: 'pause', active: this.#injected(device) });
        }
        return;
      case 'heal':
        await this.#emulate(device, request);
        this.#change(device, ({ faults, network }) => {
          faults.clear();
          network?.faults.clear();
        });
        this.#emit({ kind: 'fault-healed', device, ended: 'all', active: this.#injected(device) });
        return;
      default: {
        const { kind } = request;
        // Emitted first: what the device does from now on belongs to this fault.
        const others = this.#injected(device).filter((fault) => fault.kind !== kind);
        if (isNeutral(request)) this.#emit({ kind: 'fault-healed', device, ended: kind, active: others });
        else this.#emit({ kind: 'fault-injected', device, fault: request, active: [...others, request] });
        await this.#emulate(device, request);
        this.#change(device, ({ faults, network }) => {
          if (isNeutral(request)) faults.delete(kind);
          else faults.set(kind, request);
          network?.faults.delete(kind);
        });
      }
    }
  }

  /**
   * Restarts or resumes the device process. Does nothing if it is running. The supervisor decides whether it
   * is running, because the report here may be outdated.
   * @throws {ApiError} like `inject`
   */
  async revive(device: string): Promise<void> {
    this.#nameOf(device);
    const ran = this.#supervised(device, 'revived').running && !this.#paused.has(device);
    await this.#command(device, this.isPaused(device) ? 'resume' : 'revive');
    this.#paused.delete(device);
    if (!ran) this.#emit({ kind: 'device-revived', device, active: this.#injected(device) });
  }

  /** Handles a new connection. A new process emulates nothing, so the faults of the one before have ended. */
  connected(device: string): void {
    const before = this.#emulated.get(device);
    if (before === undefined || before.incarnation === this.#incarnation(device)) return;
    this.#emulated.delete(device);
    this.#paused.delete(device);
    if (before.faults.size > 0) this.#emit({ kind: 'fault-healed', device, ended: 'all', active: [] });
  }

  /** Removes the faults of a device. */
  forget(device: string): void {
    this.#emulated.delete(device);
    this.#paused.delete(device);
  }

  /** Applies an operator's change to what a device emulates. */
  #change(device: string, change: (emulation: Emulation) => void): void {
    const emulation = this.#emulationOf(device);
    change(emulation);
    emulation.revision++;
    if (emulation.network !== null) emulation.network.changed = true;
    this.#emulated.set(device, emulation);
  }

  #incarnation(device: string): string | null {
    return this.#gateway.session(device)?.incarnation ?? null;
  }

  #nameOf(device: string): string {
    const known = this.#registry.get(device);
    if (known !== undefined) return known.name;
    throw new ApiError(
      404,
      'unknown-device',
      `no device ${device} has ever joined`,
      'GET /api/devices lists all devices.',
    );
  }

  #supervised(device: string, what: string): { running: boolean } {
    const supervision = this.#supervisors.of(device);
    if (supervision !== undefined) return supervision;
    throw new ApiError(
      409,
      'not-supervised',
      `device ${device} cannot be ${what}: it has no connected supervisor`,
      'Start the device with npm run agent, which supervises it, or stop its process by hand.',
    );
  }

  #expectRunning(device: string, what: string): void {
    if (this.#supervised(device, what).running) return;
    throw new ApiError(
      409,
      'not-running',
      `device ${device} cannot be ${what}: its process has ended`,
      'Revive the device first.',
    );
  }

  async #command(device: string, kind: 'kill' | 'pause' | 'resume' | 'revive'): Promise<void> {
    expectOk(await this.#supervisors.command(device, kind));
  }

  async #emulate(device: string, fault: Fault): Promise<void> {
    if (this.#supervisors.of(device)?.running === true) {
      expectOk(await this.#supervisors.fault(device, fault));
      return;
    }
    try {
      expectOk(await this.#gateway.request(device, 'fault', fault));
    } catch (error) {
      if (!(error instanceof DeviceGoneError)) throw error;
      throw new ApiError(
        409,
        'not-connected',
        error.message,
        'The device emulates this fault itself, so it must be connected.',
      );
    }
  }
}

/** The faults that end a fault of their kind. */
const NEUTRAL = { delay: { kind: 'delay', ms: 0, sigma: 0 }, slow: { kind: 'slow', factor: 1 } } as const;

function expectOk(outcome: Outcome): void {
  if (outcome.ok) return;
  throw new ApiError(outcome.code === 'gone' ? 409 : 502, outcome.code, outcome.message);
}
