import type { DeviceId } from '../ports.ts';

/** Weight of a new observation in a smoothed time. */
const SMOOTHING = 1 / 8;

/** Returns the smoothed time after an observation. @param previous  null before the first one */
export function smoothed(previous: number | null, sample: number): number {
  return previous === null ? sample : previous + SMOOTHING * (sample - previous);
}

/**
 * How long one device takes to answer one step, from scatter to answer. It is learned from the device's answers. Before
 * the first one, the plan's prediction counts.
 */
export class AnswerTime {
  #observedMs: number | null = null;

  /** @param predictedMs  null if the plan predicts nothing */
  constructor(readonly predictedMs: number | null = null) {}

  /** null if there is neither an answer nor a prediction. */
  get expectedMs(): number | null {
    return this.#observedMs ?? this.predictedMs;
  }

  observe(ms: number): void {
    this.#observedMs = smoothed(this.#observedMs, ms);
  }

  /**
   * Records that a device which is alive has not answered within this time. Its answer may be canceled, so this can be
   * the only observation of a slow step.
   */
  observeAtLeast(ms: number): void {
    this.#observedMs = Math.max(this.#observedMs ?? 0, ms);
  }
}

/** The answer times of one step, by device. They end with the plan. */
export class AnswerTimes {
  readonly #byDevice = new Map<DeviceId, AnswerTime>();

  /** @param predictedMs  for every device; null if the plan predicts nothing */
  constructor(readonly predictedMs: number | null) {}

  of(device: DeviceId): AnswerTime {
    let time = this.#byDevice.get(device);
    if (time === undefined) {
      time = new AnswerTime(this.predictedMs);
      this.#byDevice.set(device, time);
    }
    return time;
  }
}
