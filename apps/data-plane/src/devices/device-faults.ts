import type { FaultEvent } from '@sparewheel/data-plane-client';
import type { Fault, FaultRequest, Outcome } from '@sparewheel/protocol';
import { ApiError } from '@sparewheel/protocol';
import { type AgentGateway, DeviceGoneError } from './agent-gateway.ts';
import type { DeviceRegistry } from './device-registry.ts';
import type { Supervisors } from './supervisors.ts';

type EmulatedFault = Exclude<Fault, { kind: 'heal' }>;

/**
 * What an operator does to devices. Kill, pause, resume and revive are real and done by the device's supervisor;
 * the others are emulated in the device process. Doing what is done already is no error.
 */
export class DeviceFaults {
  readonly #gateway: AgentGateway;
  readonly #supervisors: Supervisors;
  readonly #registry: DeviceRegistry;
  readonly #tell: (event: FaultEvent) => void;
  /** Emulated faults by device and kind, and the life of the device that they were set in. */
  readonly #emulated = new Map<string, { incarnation: string | null; faults: Map<string, EmulatedFault> }>();
  readonly #paused = new Set<string>();

  constructor(
    gateway: AgentGateway,
    supervisors: Supervisors,
    registry: DeviceRegistry,
    tell: (event: FaultEvent) => void,
  ) {
    this.#gateway = gateway;
    this.#supervisors = supervisors;
    this.#registry = registry;
    this.#tell = tell;
  }

  /** Whether the operator stopped the device's process; until it is resumed, revived or gone. */
  isPaused(device: string): boolean {
    return this.#paused.has(device) && this.#supervisors.of(device)?.running === true;
  }

  /** Emulated faults that are set now. They end with the device's process. */
  set(device: string): readonly EmulatedFault[] {
    const entry = this.#emulated.get(device);
    if (entry === undefined || entry.incarnation !== this.#incarnation(device)) return [];
    return [...entry.faults.values()];
  }

  /**
   * @throws {ApiError} 404 unknown device, 409 where it cannot be done now, 502 where the agent refused
   */
  async inject(device: string, request: FaultRequest): Promise<void> {
    const name = this.#nameOf(device);
    switch (request.kind) {
      case 'kill':
        if (this.#supervised(device, 'killed').running) {
          // Told before it takes effect: the loss that follows belongs to this.
          this.#tell({ kind: 'fault-injected', device, message: `${name} is killed` });
          await this.#command(device, 'kill');
        }
        this.#paused.delete(device);
        return;
      case 'pause':
        this.#expectRunning(device, 'paused');
        if (this.#paused.has(device)) return;
        this.#tell({ kind: 'fault-injected', device, message: `${name} is paused` });
        await this.#command(device, 'pause');
        this.#paused.add(device);
        return;
      case 'resume':
        this.#expectRunning(device, 'resumed');
        await this.#command(device, 'resume');
        if (this.#paused.delete(device)) {
          this.#tell({ kind: 'fault-healed', device, message: `${name} goes on after its pause` });
        }
        return;
      case 'heal':
        await this.#emulate(device, request);
        this.#emulated.delete(device);
        this.#tell({ kind: 'fault-healed', device, message: `${name} is healed of its emulated faults` });
        return;
      default: {
        this.#tell({ kind: 'fault-injected', device, message: `${name}: ${describeFault(request)}` });
        await this.#emulate(device, request);
        const incarnation = this.#incarnation(device);
        const entry = this.#emulated.get(device);
        const faults = entry?.incarnation === incarnation ? entry.faults : new Map<string, EmulatedFault>();
        this.#emulated.set(device, { incarnation, faults: faults.set(request.kind, request) });
      }
    }
  }

  /**
   * Starts the device's process again; with one that runs, nothing happens. What is known here may be out of date: it
   * is the supervisor that decides whether the process runs. @throws {ApiError} as `inject`
   */
  async revive(device: string): Promise<void> {
    const name = this.#nameOf(device);
    const ran = this.#supervised(device, 'revived').running && !this.#paused.has(device);
    await this.#command(device, this.isPaused(device) ? 'resume' : 'revive');
    this.#paused.delete(device);
    if (!ran) this.#tell({ kind: 'device-revived', device, message: `${name} is revived` });
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
      'GET /api/devices lists them.',
    );
  }

  #supervised(device: string, what: string): { running: boolean } {
    const supervision = this.#supervisors.of(device);
    if (supervision !== undefined) return supervision;
    throw new ApiError(
      409,
      'not-supervised',
      `device ${device} cannot be ${what}: no connected supervisor looks after it`,
      'Start it with npm run agent, which supervises its devices, or stop its process by hand.',
    );
  }

  #expectRunning(device: string, what: string): void {
    if (this.#supervised(device, what).running) return;
    throw new ApiError(
      409,
      'not-running',
      `device ${device} cannot be ${what}: its process has ended`,
      'Revive it first.',
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
      throw new ApiError(409, 'not-connected', error.message, 'A fault is emulated by the device itself.');
    }
  }
}

/** "delay 50 ms", for people. */
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
