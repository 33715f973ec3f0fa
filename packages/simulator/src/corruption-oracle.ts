import { type CoordinatorEvent, type CoordinatorSnapshot, DEFAULT_OPTIONS } from '@sparewheel/coordinator';
import type { FromDevice, ToDevice } from '@sparewheel/protocol';
import type { VirtualClock } from './virtual-clock.ts';
import type { VirtualDevice } from './virtual-device.ts';

/** No scenario changes it. */
const SILENT_AFTER_MS = DEFAULT_OPTIONS.silentAfterMs;

/** The devices that received one step of one request. */
interface Holders {
  readonly askedAt: number;
  readonly devices: Set<string>;
}

/** The answers to one step of one request. */
interface StepEvidence {
  readonly request: number;
  /** When the step was first sent. */
  readonly askedAt: number;
  /** Devices that answered in time and were not canceled, including those with wrong answers. */
  readonly answered: Set<string>;
  lies: number;
  /** A device of the step was silent or busy: the coordinator may give up its surplus answer. */
  crowded: boolean;
}

/**
 * Records which devices sent wrong answers to which requests, and whether the coordinator could detect them. Detection
 * needs one answer more than decoding.
 */
export class CorruptionOracle {
  readonly #steps = new Map<string, StepEvidence>();
  readonly #canceled = new Set<string>();
  /** The step's number of data shards, by computation with a wrong answer; null for a replicated step. */
  readonly #lies = new Map<string, number | null>();
  readonly #malformed = new Set<string>();
  readonly #dataShards = new Map<string, number | null>();
  readonly #lieTold = new Set<number>();
  readonly #malformedTo = new Set<number>();
  readonly #flagged = new Set<number>();
  readonly #holders = new Map<string, Holders>();
  /** When each device last became silent. */
  readonly #silentAt = new Map<string, number>();

  /** @param watching  whether devices will send wrong answers. Recording every message costs 10 % of a simulation. */
  constructor(
    readonly watching: boolean,
    readonly clock: VirtualClock,
    readonly inFlightPerDevice: number,
  ) {}

  /** Forgets everything: a restarted data plane numbers its requests from the beginning. */
  forget(): void {
    this.#steps.clear();
    this.#canceled.clear();
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
    if (kind === 'cancel') this.#canceled.add(`${device.id} ${request} ${task}`);
    else {
      const step = `${request} ${task}`;
      const holders = this.#holders.get(step);
      if (holders) holders.devices.add(device.id);
      else this.#holders.set(step, { askedAt: this.clock.now(), devices: new Set([device.id]) });
    }
  }

  /** @param dataShards  the step's number of data shards; null for a replicated step */
  lied(device: VirtualDevice, request: number, task: number, dataShards: number | null): void {
    const computation = `${device.id} ${request} ${task}`;
    // A malformed answer counts as no answer.
    if (typeof device.lie === 'string') this.#malformed.add(computation);
    else this.#lies.set(computation, dataShards);
    this.#dataShards.set(`${request} ${task}`, dataShards);
  }

  /** Records a message. Must be called just before the coordinator receives it. */
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
    if (this.#canceled.has(computation) || this.#malformed.has(computation)) return;
    // The coordinator gave up a device that took longer or became silent, and its surplus answer with it.
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

  /** Whether a device sent this request a well-formed wrong answer. */
  lieTo(request: number): boolean {
    return this.#lieTold.has(request);
  }

  /** Whether a device sent this request anything that a correct device never sends. */
  misbehaviorTo(request: number): boolean {
    return this.#lieTold.has(request) || this.#malformedTo.has(request);
  }

  flagged(request: number): boolean {
    return this.#flagged.has(request);
  }

  /**
   * Whether the coordinator had to detect every wrong answer to the request: the step received one answer more than
   * decoding needs, and the coordinator had no reason to give it up.
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
