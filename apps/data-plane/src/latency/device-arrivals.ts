import type { ShardArrival } from '@sparewheel/coordinator';
import type { DeviceArrivalsView } from '@sparewheel/protocol';
import { LatencyHistogram } from './histogram.ts';

/** Two digits: a percentile is off by at most 1 %, and a hundred devices' histograms take a megabyte. */
const SIGNIFICANT_DIGITS = 2;

/** One device's answers to one deployment: when they came, and how often the others had to do without. */
export class DeviceArrivals {
  readonly histogram = new LatencyHistogram(SIGNIFICANT_DIGITS);
  readonly #roles = new Set<ShardArrival['role']>();
  #asked = 0;
  #calledOff = 0;
  #dataSteps = 0;
  #last = 0;
  #notIn = 0;

  constructor(readonly device: string) {}

  record({ role, arrivalMs, calledOff, late, last }: ShardArrival): void {
    this.#roles.add(role);
    this.#asked++;
    if (arrivalMs !== null) this.histogram.record(arrivalMs);
    if (calledOff) this.#calledOff++;
    if (role !== 'data') return;
    this.#dataSteps++;
    if (last) this.#last++;
    if (late) this.#notIn++;
  }

  /** @param edges  see LatencyHistogram.bins */
  view(edges: readonly number[]): DeviceArrivalsView {
    return {
      device: this.device,
      roles: [...this.#roles],
      asked: this.#asked,
      answered: this.histogram.count,
      calledOff: this.#calledOff,
      dataSteps: this.#dataSteps,
      last: this.#last,
      notIn: this.#notIn,
      percentiles: this.histogram.percentiles(),
      counts: this.histogram.bins(edges).map(({ count }) => count),
    };
  }
}
