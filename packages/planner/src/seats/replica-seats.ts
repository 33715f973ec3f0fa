import { type Costs, type DeviceCapacity, layerMs } from '../costs/costs.ts';
import { PlanRefusedError } from '../errors.ts';
import type { StepDraft } from '../layers/order-steps.ts';
import type { Seat } from '../plan.ts';
import { isLinear, isSendable, type ModelProfile } from '../profile.ts';
import { megabytes } from './seating.ts';

/**
 * Chooses the seats of replicated steps beside a coded group, on the group's own devices: the fastest ones, or
 * those with the fewest weights of replicas if all are equally fast.
 */
export class ReplicaSeats {
  readonly #profile: ModelProfile;
  readonly #seats: { readonly seat: Seat; readonly ms: number; readonly memoryBytes: number }[];
  readonly #usedBytes: number[];

  /**
   * @param seats  number of seats of the coded group
   * @param seated  devices by seat, if known
   * @param uneven  whether their speeds differ
   */
  constructor(
    profile: ModelProfile,
    seats: number,
    seated: readonly DeviceCapacity[],
    uneven: boolean,
    costs: Costs,
  ) {
    this.#profile = profile;
    this.#usedBytes = new Array<number>(seats).fill(0);
    this.#seats = Array.from({ length: seats }, (_, seat) => {
      const device = seated[seat];
      const ms = uneven
        ? profile.layers.reduce((sum, layer) => sum + layerMs(profile, layer, device?.speed, costs), 0)
        : 0;
      return { seat, ms, memoryBytes: device?.memoryBytes ?? Number.POSITIVE_INFINITY };
    });
  }

  /** Weights of replicas by seat. */
  get usedBytes(): readonly number[] {
    return this.#usedBytes;
  }

  /**
   * Takes seats for one step.
   * @throws {PlanRefusedError} LAYER_NOT_PLACEABLE, TOO_LITTLE_MEMORY  the step fits on no device
   */
  take(draft: StepDraft, count: number): Seat[] {
    const layers = draft.nodes.map((node) => this.#profile.layers[node]!);
    const linear = layers.filter(isLinear).sort((a, b) => b.weightsBytes - a.weightsBytes)[0] ?? layers[0]!;
    requireSendable(this.#profile, draft, linear.name);
    const bytes = layers.reduce((sum, { weightsBytes }) => sum + weightsBytes, 0);
    const roomy = this.#seats.filter(
      ({ seat, memoryBytes }) => this.#usedBytes[seat]! + bytes <= memoryBytes,
    );
    if (roomy.length < count) {
      const largest = Math.max(...this.#seats.map(({ memoryBytes }) => memoryBytes));
      throw new PlanRefusedError(
        'TOO_LITTLE_MEMORY',
        `layer "${linear.name}" (${linear.op}) cannot be divided, and ${count} devices must hold its step of ${megabytes(bytes)} MB; the largest memory of a device is ${megabytes(largest)} MB`,
        'use devices with more memory, or the objective "latency", under which the data plane computes it',
        linear.name,
      );
    }
    const order = roomy.sort(
      (a, b) => a.ms - b.ms || this.#usedBytes[a.seat]! - this.#usedBytes[b.seat]! || a.seat - b.seat,
    );
    const taken = order
      .slice(0, count)
      .map(({ seat }) => seat)
      .sort((a, b) => a - b);
    for (const seat of taken) this.#usedBytes[seat]! += bytes;
    return taken;
  }
}

/** Returns whether devices can receive and return all values of a step. */
export function allSendable(profile: ModelProfile, step: Pick<StepDraft, 'feeds' | 'fetches'>): boolean {
  return unsendableIn(profile, step) === undefined;
}

function unsendableIn(profile: ModelProfile, { feeds, fetches }: Pick<StepDraft, 'feeds' | 'fetches'>) {
  return [...feeds, ...fetches].find((name) => !isSendable(profile, name));
}

/**
 * @param hint  what to do instead
 * @throws {PlanRefusedError} LAYER_NOT_PLACEABLE  a device can neither receive nor return a value of the step
 */
export function requireSendable(
  profile: ModelProfile,
  step: Pick<StepDraft, 'feeds' | 'fetches'>,
  layer: string,
  hint = 'use the objective "latency", under which the data plane computes it',
): void {
  const value = unsendableIn(profile, step);
  if (value === undefined) return;
  const type = profile.tensors[value]?.type ?? 'not a tensor';
  throw new PlanRefusedError(
    'LAYER_NOT_PLACEABLE',
    `layer "${layer}" can run on no device: "${value}" (${type}) cannot be sent`,
    hint,
    layer,
  );
}
