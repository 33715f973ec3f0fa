/**
 * Numbers of the paper that the product emulates or compares with: Hadidi, Cao and Kim, "Creating Robust Deep Neural
 * Networks With Coded Distributed Computing for IoT Systems". Measured on Raspberry Pi 3 over WiFi. Safe for browsers.
 */
import type { DelayQuantiles } from './wire.ts';

/** Part of each arrival time in Fig. 1 that is computation, in ms. */
const COMPUTE_MS = 50;

/**
 * Arrival times of the answers of four devices, for a fully connected layer of 2048: cumulative shares, read off Fig. 1.
 * The last two rows close the tail: the last bin of the figure holds 0.5 %.
 */
const ARRIVALS: readonly (readonly [ms: number, share: number])[] = [
  [50, 0],
  [60, 0.021],
  [80, 0.143],
  [100, 0.347],
  [120, 0.544],
  [150, 0.771],
  [200, 0.941],
  [250, 0.971],
  [300, 0.981],
  [400, 0.995],
  [500, 1],
];

/** The delays of the paper's WiFi: its arrival times without the computation, which the devices do themselves. */
export const PAPER_WIFI: DelayQuantiles = ARRIVALS.map(([ms, share]) => ({ ms: ms - COMPUTE_MS, share }));

/**
 * From a failure to its detection in an uncoded system, in ms. Case study I says "tens of seconds" and gives no number;
 * this is the shortest time that the words allow.
 */
export const PAPER_DETECT_MS = 20_000;

/**
 * How much faster a request is with straggler mitigation than without, in percent, by the number of devices that share a
 * fully connected layer: Fig. 16b.
 */
const GAIN_PERCENT: Readonly<Record<number, number>> = { 3: 2.7, 4: 8.7, 5: 15.7, 6: 34.6 };

/** Returns the paper's gain in percent; null if the paper has no value for so many data shards. */
export function paperGainPercent(k: number): number | null {
  return GAIN_PERCENT[k] ?? null;
}
