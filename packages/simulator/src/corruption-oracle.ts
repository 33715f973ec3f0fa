import { type CoordinatorEvent, type CoordinatorSnapshot, DEFAULT_OPTIONS } from '@sparewheel/coordinator';
import type { FromDevice, ToDevice } from '@sparewheel/protocol';
import type { VirtualClock } from './virtual-clock.ts';
import type { VirtualDevice } from './virtual-device.ts';

/** No scenario sets it: a device is silent no sooner. */
const SILENT_AFTER_MS = DEFAULT_OPTIONS.silentAfterMs;

/** Who was asked for one step of one request. */
interface Holders {
  readonly askedAt: number;
  readonly devices: Set<string>;
}

/** What came in for one step of one request. */
interface StepEvidence {
  readonly request: number;
  /** When it was first sent, as far as the simulation saw. */
  readonly askedAt: number;
  /** Devices whose answer came in time and whose computation was not cancelled, liars among them. */
  readonly answered: Set<string>;
  lies: number;
  /** A device of the step was silent or had much in flight: its surplus answer need not be awaited. */
  crowded: boolean;
}

/**
 * Knows who lied to which request, and whether enough came in to notice: a lie can only be noticed where an answer
 * more than decoding needs was delivered.
 */
export class CorruptionOracle {
  readonly #steps = new Map<string, StepEvidence>();
  readonly #cancelled = new Set<string>();
  /** Data shards of the step that was lied to; null for a replicated one. */
  readonly #lies = new Map<string, number | null>();
  readonly #malformed = new Set<string>();
  readonly #dataShards = new Map<string, number | null>();
  readonly #lieTold = new Set<number>();
  readonly #malformedTo = new Set<number>();
  readonly #flagged = new Set<number>();
  readonly #holders = new Map<string, Holders>();
  /** When a device last fell silent. */
  readonly #silentAt = new Map<string, number>();

  /** @param watching  whether anybody will lie: remembering every message costs a tenth of a simulation */
  constructor(
    readonly watching: boolean,
    readonly clock: VirtualClock,
    readonly inFlightPerDevice: number,
  ) {}

  /** A new life of the data plane numbers its requests anew. */
  forget(): void {
    this.#steps.clear();
    this.#cancelled.clear();
    this.#lies.clear();
    this.#malformed.clear();
    this.#dataShards.clear();
    this.#lieTold.clear();
    this.#malformedTo.clear();
    this.#flagged.clear();
    this.#holders.clear();
    this.#silentAt.clear();
  }

  sent(device: VirtualDevice, { kind, request, task }: ToDevice): void {
    if (!this.watching) return;
    if (kind === 'cancel') this.#cancelled.add(`${device.id} ${request} ${task}`);
    else {
      const step = `${request} ${task}`;
      const holders = this.#holders.get(step);
      if (holders) holders.devices.add(device.id);
      else this.#holders.set(step, { askedAt: this.clock.now(), devices: new Set([device.id]) });
    }
  }

  /** @param dataShards  of the step that was lied to; null for a replicated one */
  lied(device: VirtualDevice, request: number, task: number, dataShards: number | null): void {
    const computation = `${device.id} ${request} ${task}`;
    // What is malformed is no answer, and nothing can be checked with it.
    if (typeof device.lie === 'string') this.#malformed.add(computation);
    else this.#lies.set(computation, dataShards);
    this.#dataShards.set(`${request} ${task}`, dataShards);
  }

  /** To be called just before the coordinator gets it. */
  delivered(
    device: VirtualDevice,
    message: FromDevice,
    corruptersPresent: boolean,
    snapshot: () => CoordinatorSnapshot,
  ): void {
    if (!this.watching || message.kind !== 'answer') return;
    const { request, task } = message;
    const computation = `${device.id} ${request} ${task}`;
    const step = `${request} ${task}`;
    const holders = this.#holders.get(step);
    const evidence = this.#steps.get(step) ?? {
      request,
      askedAt: holders?.askedAt ?? Number.NEGATIVE_INFINITY,
      answered: new Set<string>(),
      lies: 0,
      crowded: false,
    };
    this.#steps.set(step, evidence);
    if (this.#lies.has(computation)) this.#lieTold.add(request);
    if (this.#malformed.has(computation)) this.#malformedTo.add(request);
    if (this.#cancelled.has(computation) || this.#malformed.has(computation)) return;
    // A device that took longer, or was silent in between, was given up, and its surplus answer with it.
    const tookMs = this.clock.now() - evidence.askedAt;
    const silentAt = this.#silentAt.get(device.id) ?? Number.NEGATIVE_INFINITY;
    if (tookMs < SILENT_AFTER_MS && silentAt < evidence.askedAt) evidence.answered.add(device.id);
    if (this.#lies.has(computation)) evidence.lies++;
    if (evidence.crowded || !corruptersPresent) return;
    evidence.crowded = snapshot().devices.some(
      ({ id, state, inFlight }) =>
        holders?.devices.has(id) && (state !== 'up' || 2 * (inFlight + 3) > this.inFlightPerDevice),
    );
  }

  happened(event: CoordinatorEvent): void {
    if (event.kind === 'corruption' && event.answeredWrong) this.#flagged.add(event.request);
    if (event.kind === 'device-silent') this.#silentAt.set(event.device, this.clock.now());
  }

  /** A value that was well-formed and wrong. */
  lieTo(request: number): boolean {
    return this.#lieTold.has(request);
  }

  /** Anything that no honest device sends. */
  misbehaviourTo(request: number): boolean {
    return this.#lieTold.has(request) || this.#malformedTo.has(request);
  }

  flagged(request: number): boolean {
    return this.#flagged.has(request);
  }

  /**
   * Whether every lie to the request must have been noticed: an answer more than decoding needs reached the same
   * step, and nothing allowed the coordinator to give it up.
   */
  noticeable(request: number): boolean {
    let lies = 0;
    for (const [step, evidence] of this.#steps) {
      if (evidence.request !== request || evidence.lies === 0) continue;
      const k = this.#dataShards.get(step) ?? null;
      if (k === null || evidence.crowded || evidence.answered.size <= k) return false;
      lies++;
    }
    return lies > 0;
  }
}
