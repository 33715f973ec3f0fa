import type { DelayQuantiles } from '@sparewheel/protocol';

/** Part of each arrival time in the figure that is computation, in ms. */
const COMPUTE_MS = 50;

/**
 * Arrival times of the answers of four Raspberry Pis over WiFi, for a fully connected layer of 2048: cumulative shares,
 * read off Fig. 1 of Hadidi, Cao and Kim, "Creating Robust Deep Neural Networks With Coded Distributed Computing for IoT
 * Systems". The last two rows close the tail: the last bin of the figure holds 0.5 %.
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
