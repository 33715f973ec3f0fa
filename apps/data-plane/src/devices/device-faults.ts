import type { FaultEvent } from '@sparewheel/data-plane-client';
import type { Fault, FaultRequest, Outcome } from '@sparewheel/protocol';
import { ApiError } from '@sparewheel/protocol';
import { type DeviceGateway, DeviceGoneError } from './gateway/device-gateway.ts';
import type { DeviceRegistry } from './gateway/device-registry.ts';
import type { Supervisors } from './gateway/supervisors.ts';

type EmulatedFault = Exclude<Fault, { kind: 'heal' }>;

/**
 * Injects faults into devices. Kill, pause, resume and revive are real and done by the device's supervisor.
 * The device process emulates the other faults. Every command is idempotent.
 */
export class DeviceFaults {
  readonly #gateway: DeviceGateway;
  readonly #supervisors: Supervisors;
  readonly #registry: DeviceRegistry;
  readonly #emit: (event: FaultEvent) => void;
  /** Emulated faults by device and kind, and the incarnation that they belong to. */
  readonly #emulated = new Map<string, { incarnation: string | null; faults: Map<string, EmulatedFault> }>();
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
    const entry = this.#emulated.get(device);
    if (entry === undefined || entry.incarnation !== this.#incarnation(device)) return [];
    return [...entry.faults.values()];
  }

  /**
   * Injects a fault, or ends faults (`resume`, `heal`).
   * @throws {ApiError} 404 the device is unknown; 409 the fault is not possible now; 502 the agent rejected
   *   it
   */
  async inject(device: string, request: FaultRequest): Promise<void> {
    const name = this.#nameOf(device);
    switch (request.kind) {
      case 'kill':
        if (this.#supervised(device, 'killed').running) {
          // Emitted first: the loss of the device belongs to this fault.
          this.#emit({ kind: 'fault-injected', device, message: `${name} is killed` });
          await this.#command(device, 'kill');
        }
        this.#paused.delete(device);
        return;
      case 'pause':
        this.#expectRunning(device, 'paused');
        if (this.#paused.has(device)) return;
        this.#emit({ kind: 'fault-injected', device, message: `${name} is paused` });
        await this.#command(device, 'pause');
        this.#paused.add(device);
        return;
      case 'resume':
        this.#expectRunning(device, 'resumed');
        await this.#command(device, 'resume');
        if (this.#paused.delete(device)) {
          this.#emit({ kind: 'fault-healed', device, message: `${name} is resumed` });
        }
        return;
      case 'heal':
        await this.#emulate(device, request);
        this.#emulated.delete(device);
        this.#emit({ kind: 'fault-healed', device, message: `the emulated faults of ${name} are ended` });
        return;
      default: {
        this.#emit({ kind: 'fault-injected', device, message: `${name}: ${describeFault(request)}` });
        await this.#emulate(device, request);
        const incarnation = this.#incarnation(device);
        const entry = this.#emulated.get(device);
        const faults = entry?.incarnation === incarnation ? entry.faults : new Map<string, EmulatedFault>();
        this.#emulated.set(device, { incarnation, faults: faults.set(request.kind, request) });
      }
    }
  }

  /**
   * Restarts or resumes the device process. Does nothing if it is running. The supervisor decides whether it
   * is running, because the report here may be outdated.
   * @throws {ApiError} like `inject`
   */
  async revive(device: string): Promise<void> {
    const name = this.#nameOf(device);
    const ran = this.#supervised(device, 'revived').running && !this.#paused.has(device);
    await this.#command(device, this.isPaused(device) ? 'resume' : 'revive');
    this.#paused.delete(device);
    if (!ran) this.#emit({ kind: 'device-revived', device, message: `${name} is revived` });
  }

  /** Removes the faults of a device. */
  forget(device: string): void {
    this.#emulated.delete(device);
    this.#paused.delete(device);
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

/** Returns a readable description of a fault, for example "delay 50 ms". */
export function describeFault(fault: EmulatedFault): string {
  switch (fault.kind) {
    case 'partition':
      return 'partition';
    case 'delay':
      return fault.sigma > 0 ? `delay ${fault.ms} ms (σ ${fault.sigma})` : `delay ${fault.ms} ms`;
    case 'slow':
      return `slow × ${fault.factor}`;
    case 'drop':
      return `drop ${Math.round(fault.probability * 100)} %`;
    case 'corrupt':
      return fault.probability < 1
        ? `corrupt by ${fault.amount} in ${Math.round(fault.probability * 100)} %`
        : `corrupt by ${fault.amount}`;
  }
}

function expectOk(outcome: Outcome): void {
  if (outcome.ok) return;
  throw new ApiError(outcome.code === 'gone' ? 409 : 502, outcome.code, outcome.message);
}
